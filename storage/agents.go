package storage

import (
	"context"
	"fmt"

	"postroom/tickets"
)

const (
	sqlInsertAgent = `INSERT INTO agents (id, org, name_hash, address_hash, role, active, password, sealed, created)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdateAgent = "UPDATE agents SET name_hash = ?, address_hash = ?, role = ?, active = ?, sealed = ? WHERE id = ? AND removed = 0"
	// A removed agent keeps the row, since events name it, and loses all else.
	sqlRemoveAgent = `UPDATE agents SET name_hash = NULL, address_hash = NULL, active = 0, password = '', sealed = NULL, removed = ?
 WHERE id = ? AND removed = 0`
	sqlFreeTickets = "UPDATE tickets SET assignee_id = 0, version = version + 1 WHERE assignee_id = ?"
)

// AddAgent makes an agent and fills in its id. passwordHash is kept as it is;
// empty means that the agent cannot log in.
func (db *DB) AddAgent(ctx context.Context, a *tickets.Agent, passwordHash string) error {
	if a.Org == 0 {
		a.Org = tickets.DefaultOrg
	}
	id, err := db.ids.take(ctx, 1)
	if err != nil {
		return err
	}
	name, address, sealed, err := db.agentColumns(ctx, a, id)
	if err != nil {
		return err
	}
	ops := []op{{text: sqlInsertAgent, want: 1, args: []any{id, a.Org, name, address, string(a.Role), bit(a.Active), passwordHash, sealed, micros(db.now())}}}
	ops = append(ops, agentQueueOps(id, a.Queues)...)
	if err := db.changeDirectory(ctx, ops...); err != nil {
		return fmt.Errorf("add agent %s: name or address %w", a.Name, taken(err))
	}
	a.ID = id
	return nil
}

// UpdateAgent writes what is said of an agent. The password stays.
func (db *DB) UpdateAgent(ctx context.Context, a *tickets.Agent) error {
	name, address, sealed, err := db.agentColumns(ctx, a, a.ID)
	if err != nil {
		return err
	}
	ops := []op{{text: sqlUpdateAgent, want: 1, args: []any{name, address, string(a.Role), bit(a.Active), sealed, a.ID}},
		{text: "DELETE FROM agent_queues WHERE agent_id = ?", args: []any{a.ID}, want: -1}}
	ops = append(ops, agentQueueOps(a.ID, a.Queues)...)
	if len(a.TrustedDomains) == 0 {
		ops = append(ops, op{text: "DELETE FROM agent_domains WHERE agent_id = ?", args: []any{a.ID}, want: -1})
	}
	if err := db.changeDirectory(ctx, ops...); err != nil {
		return fmt.Errorf("change agent %s: %w", a.Name, taken(err))
	}
	return nil
}

// SetPassword replaces an agent's password hash.
func (db *DB) SetPassword(ctx context.Context, id int64, hash string) error {
	return taken(db.execute(ctx, []op{{text: "UPDATE agents SET password = ? WHERE id = ? AND removed = 0", args: []any{hash, id}, want: 1}}))
}

// RemoveAgent forgets an agent's name, address and password, and frees the
// tickets the agent had.
func (db *DB) RemoveAgent(ctx context.Context, id int64) error {
	return taken(db.changeDirectory(ctx,
		op{text: sqlRemoveAgent, args: []any{micros(db.now()), id}, want: 1},
		op{text: "DELETE FROM agent_queues WHERE agent_id = ?", args: []any{id}, want: -1},
		op{text: "DELETE FROM agent_domains WHERE agent_id = ?", args: []any{id}, want: -1},
		op{text: sqlFreeTickets, args: []any{id}, want: -1}))
}

// agentColumns hashes and seals. Names and addresses are unique in the
// organisation by their hashes.
func (db *DB) agentColumns(ctx context.Context, a *tickets.Agent, id int64) (name, address, sealed []byte, err error) {
	var key sealer
	if err = db.readers.with(ctx, func(q querier) error {
		key, err = db.orgs.get(ctx, db.newView(q), a.Org)
		return err
	}); err != nil {
		return nil, nil, nil, err
	}
	e := encoder{}
	e.str(a.Name)
	e.str(a.Address)
	e.str(a.DisplayName)
	return db.hash.agent(a.Org, a.Name), db.hash.agent(a.Org, tickets.FoldAddress(a.Address)),
		key.seal(place{column: "agents.sealed", row: id}, e.b), nil
}

func agentQueueOps(id int64, queues []int64) []op {
	var ops []op
	seen := map[int64]bool{}
	for _, q := range queues {
		if !seen[q] {
			seen[q] = true
			ops = append(ops, op{text: "INSERT INTO agent_queues (agent_id, queue_id) VALUES (?, ?)", args: []any{id, q}, want: 1})
		}
	}
	return ops
}

// PasswordOf returns the agent whose name or address is the login, with the
// password's hash; 0 and "" when there is none who may log in.
func (db *DB) PasswordOf(ctx context.Context, login string) (agentID int64, hash string, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		h := db.hash.agent(tickets.DefaultOrg, tickets.FoldAddress(login))
		_, err := db.newView(q).row(ctx, "SELECT id, password FROM agents WHERE org = ? AND active = 1 AND (name_hash = ? OR address_hash = ?)",
			[]any{tickets.DefaultOrg, h, h}, &agentID, &hash)
		return err
	})
	if err != nil {
		return 0, "", wrapErr("find an account", err)
	}
	if hash == "" {
		agentID = 0
	}
	return agentID, hash, nil
}
