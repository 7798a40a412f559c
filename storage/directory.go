package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"postroom/tickets"
)

// directoryAge is how long a directory is used without asking whether another
// process changed it.
const directoryAge = 500 * time.Millisecond

// directoryCache keeps the queues and agents opened. A change made here is
// seen by the next view; one made by another node within directoryAge.
type directoryCache struct {
	mu      sync.Mutex
	dir     *tickets.Directory
	version int64
	checked time.Time
}

func (c *directoryCache) forget() {
	c.mu.Lock()
	c.dir = nil
	c.mu.Unlock()
}

func (c *directoryCache) get(ctx context.Context, v *view) (*tickets.Directory, error) {
	c.mu.Lock()
	dir, fresh := c.dir, time.Since(c.checked) < directoryAge
	c.mu.Unlock()
	if dir != nil && fresh {
		return dir, nil
	}
	return c.look(ctx, v)
}

// look asks the database whether the directory is still the one that is known.
func (c *directoryCache) look(ctx context.Context, v *view) (*tickets.Directory, error) {
	c.mu.Lock()
	dir, version := c.dir, c.version
	c.mu.Unlock()
	asked := time.Now()
	var now int64
	if _, err := v.row(ctx, "SELECT value FROM counters WHERE name = 'directory'", nil, &now); err != nil {
		return nil, wrapErr("read the directory's version", err)
	}
	if dir == nil || now != version {
		var err error
		if dir, err = v.readDirectory(ctx); err != nil {
			return nil, wrapErr("read the directory", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// An older snapshot must not replace what a newer one has read.
	if c.dir == nil && now >= c.version || now > c.version || now == c.version && c.dir != nil {
		c.dir, c.version, c.checked = dir, now, asked
	}
	return dir, nil
}

func (v *view) readDirectory(ctx context.Context) (*tickets.Directory, error) {
	dir := &tickets.Directory{}
	rows, err := v.q.QueryContext(ctx, `SELECT id, org, name, address, receives, reply_domain, display_name, ack, reopen_days, attach_limit, texts
 FROM queues ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		q := &tickets.Queue{}
		var receives, texts string
		var ack int64
		if err := rows.Scan(&q.ID, &q.Org, &q.Name, &q.Address, &receives, &q.ReplyDomain, &q.DisplayName, &ack, &q.ReopenDays, &q.AttachLimit, &texts); err != nil {
			return nil, err
		}
		q.Ack = ack != 0
		if err := json.Unmarshal([]byte(receives), &q.Receives); err != nil {
			return nil, fmt.Errorf("queue %s: %w", q.Name, err)
		}
		if err := json.Unmarshal([]byte(texts), &q.Texts); err != nil {
			return nil, fmt.Errorf("queue %s: %w", q.Name, err)
		}
		dir.Queues = append(dir.Queues, q)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return dir, v.readAgents(ctx, dir)
}

func (v *view) readAgents(ctx context.Context, dir *tickets.Directory) error {
	rows, err := v.q.QueryContext(ctx, "SELECT id, org, role, active, sealed FROM agents ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	var sealed [][]byte
	for rows.Next() {
		a := &tickets.Agent{}
		var active int64
		var names []byte
		if err := rows.Scan(&a.ID, &a.Org, &a.Role, &active, &names); err != nil {
			return err
		}
		a.Active = active != 0
		dir.Agents, sealed = append(dir.Agents, a), append(sealed, names)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	// Only now that the rows are read is the connection free for another question.
	for i, a := range dir.Agents {
		if sealed[i] == nil {
			continue
		}
		key, err := v.db.orgs.get(ctx, v, a.Org)
		if err != nil {
			return err
		}
		plain, err := key.open(place{column: "agents.sealed", row: a.ID}, sealed[i])
		if err != nil {
			return err
		}
		d := decoder{b: plain}
		a.Name, a.Address, a.DisplayName = d.str(), d.str(), d.str()
	}
	if err := v.readAgentQueues(ctx, dir); err != nil {
		return err
	}
	return v.readAgentDomains(ctx, dir)
}

func (v *view) readAgentQueues(ctx context.Context, dir *tickets.Directory) error {
	rows, err := v.q.QueryContext(ctx, "SELECT agent_id, queue_id FROM agent_queues ORDER BY agent_id, queue_id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var agent, queue int64
		if err := rows.Scan(&agent, &queue); err != nil {
			return err
		}
		if a := dir.AgentByID(agent); a != nil {
			a.Queues = append(a.Queues, queue)
		}
	}
	return rows.Err()
}

func (v *view) readAgentDomains(ctx context.Context, dir *tickets.Directory) error {
	rows, err := v.q.QueryContext(ctx, "SELECT agent_id, sealed FROM agent_domains ORDER BY agent_id, hash")
	if err != nil {
		return err
	}
	defer rows.Close()
	sealed := map[*tickets.Agent][][]byte{}
	for rows.Next() {
		var agent int64
		var domain []byte
		if err := rows.Scan(&agent, &domain); err != nil {
			return err
		}
		if a := dir.AgentByID(agent); a != nil {
			sealed[a] = append(sealed[a], domain)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for a, domains := range sealed {
		key, err := v.db.orgs.get(ctx, v, a.Org)
		if err != nil {
			return err
		}
		for _, d := range domains {
			domain, err := key.open(place{column: "agent_domains.sealed", row: a.ID}, d)
			if err != nil {
				return err
			}
			a.TrustedDomains = append(a.TrustedDomains, string(domain))
		}
	}
	return nil
}

// orgKeys remembers which key each organisation has.
type orgKeys struct {
	mu  sync.Mutex
	ids map[int64]int64
}

// get returns the sealer of what belongs to an organisation itself, such as
// its agents' names.
func (o *orgKeys) get(ctx context.Context, v *view, org int64) (sealer, error) {
	o.mu.Lock()
	id, ok := o.ids[org]
	o.mu.Unlock()
	if !ok {
		found, err := v.row(ctx, "SELECT key_id FROM orgs WHERE id = ?", []any{org}, &id)
		if err == nil && !found {
			err = fmt.Errorf("organisation %d is not there", org)
		}
		if err != nil {
			return sealer{}, err
		}
		o.mu.Lock()
		if o.ids == nil {
			o.ids = map[int64]int64{}
		}
		o.ids[org] = id
		o.mu.Unlock()
	}
	return v.db.keys.get(ctx, id)
}

// ensureOrg makes an organisation with its key, unless it is there. It runs
// while the store is set up, before the writer.
func (db *DB) ensureOrg(ctx context.Context, id int64, name string) error {
	var n int
	if err := db.main.GetContext(ctx, &n, db.d.sql("SELECT COUNT(*) FROM orgs WHERE id = ?"), id); err != nil || n > 0 {
		return err
	}
	ids, _, err := db.keys.create(ctx, "org", 1)
	if err != nil {
		return err
	}
	_, err = db.main.ExecContext(ctx, db.d.sql("INSERT INTO orgs (id, name, key_id, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"),
		id, name, ids[0], micros(db.now()))
	return err
}
