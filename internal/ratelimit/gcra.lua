-- One event of GCRA, decided and counted in one step.
--
-- KEYS[1]  the count: the theoretical arrival time, in microseconds
-- ARGV[1]  what one event costs, in microseconds
-- ARGV[2]  how far the arrival time may run ahead of now, in microseconds
-- ARGV[3]  now, in microseconds since 1970; empty: the server's clock
--
-- Result   0 if the event is allowed and counted, else after how many
--          microseconds it will be
--
-- The key expires when its arrival time has come, as it says nothing then.

local step = tonumber(ARGV[1])
local period = tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
	local t = redis.call('TIME')
	now = t[1] * 1000000 + t[2]
end

local tat = tonumber(redis.call('GET', KEYS[1]) or '') or now
if tat < now then
	tat = now
end
tat = tat + step

local over = tat - now - period
if over > 0 then
	return over
end
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
return 0
