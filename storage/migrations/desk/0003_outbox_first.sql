-- What somebody waits for is found among any number of notifications.
CREATE INDEX outbox_first ON outbox (next_at) WHERE state IN ('queued', 'leased') AND kind NOT IN ('notification', 'news', 'survey');
