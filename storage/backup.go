package storage

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// backupTables are the content's tables with their columns, parents first.
// What is staged is not accepted and stays out, as do the keys and the search
// index.
var backupTables = []struct {
	archiveTable
	from string // where the rows come from, when not the table as it is
}{
	{table("settings", "name value"), ""},
	{table("counters", "name value"), ""},
	{table("orgs", "id name key_id created"), ""},
	{table("queues", "id org name name_fold address address_fold receives reply_domain display_name ack reopen_days attach_limit texts created"), ""},
	{table("agents", "id org name_hash address_hash role active password sealed created removed"), ""},
	{table("agent_queues", "agent_id queue_id"), ""},
	{table("agent_domains", "agent_id hash sealed"), ""},
	{table("persons", "id org key_id address language created sealed"), ""},
	{table("tickets", "id org ref queue_id state assignee_id priority tags language created updated resolved_at snooze_until merged_into linked_to last_in last_out version parties owner sealed restricted frozen"), ""},
	{table("messages", "id org ticket_id content receipt direction kind received size proof author_agent author_person unverified version owner wrapped mid dedupe meta restricted frozen"), ""},
	{table("wraps", "message_id person_id wrapped"), ""},
	{table("bodies", "id data"), "bodies WHERE NOT EXISTS (SELECT 1 FROM stages WHERE stages.content = bodies.id / 4096)"},
	{table("lookups", "hash kind no target"), ""},
	{table("events", "ticket_id id at kind actor actor_id message_id data"), ""},
	{table("outbox", "id org kind ticket_id message_id queue_id to_agent to_person owner domain state created next_at attempts fence worker noticed finished status dest spec request_id purpose template artifact"), ""},
	{table("jobs", "id kind ticket_id message_id run_at attempts fence worker owner sealed"), ""},
	{table("held", "id org at kind agent_id ticket_id message_id state"), ""},
	{table("changes", "seq org ticket_id message_id"), "changes WHERE seq IS NOT NULL"},
	{table("erasures", "hash org at ends"), ""},
	{table("privacy_requests", "id org ref legal_right state ticket_id subject channel received due internal extended held after_id next_at finished ends record version key_id sealed"), ""},
	{table("privacy_tokens", "id hash kind request_id consent_id scope subject made expires used owner sealed"), ""},
	{table("privacy_events", "id request_id at edge mark actor actor_id message_id evidence data"), ""},
	{table("privacy_steps", "request_id step at counts"), ""},
	{table("privacy_work", "request_id kind target owner sealed"), ""},
	{table("privacy_frozen", "ticket_id key_id request_id until ground law"), ""},
	{table("artifacts", "request_id no content size made sealed"), ""},
	{table("consents", "id org subject purpose act version wording_hash language channel receipt lacks at ends kept_until owner sealed"), ""},
	{table("factors", "subject org id owner sealed"), ""},
}

func table(name, columns string) archiveTable {
	return archiveTable{name, strings.Fields(columns)}
}

// Backup writes everything that is kept, as it stands at one moment, without
// keys and without the search index: it reveals nothing to whoever has not the
// keys too. The rows are gathered in a file that has no name, so that no
// transaction waits for w.
func (db *DB) Backup(ctx context.Context, w io.Writer) error {
	f, err := os.CreateTemp(db.opt.DataDir, "backup-*.tmp")
	if err != nil {
		return wrapErr("make room for the backup", err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return wrapErr("make room for the backup", err)
	}
	if err := db.dump(ctx, f); err != nil {
		return wrapErr("back up", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return wrapErr("back up", err)
	}
	_, err = io.Copy(w, f)
	return wrapErr("write the backup", err)
}

func (db *DB) dump(ctx context.Context, w io.Writer) error {
	if db.d.postgres {
		if err := db.numberChanges(ctx); err != nil {
			return err
		}
	}
	name, err := db.installation(ctx)
	if err != nil {
		return err
	}
	list, err := migrations("desk")
	if err != nil {
		return err
	}
	head := archiveHead{Schema: len(list), Installation: name, Made: db.now().UTC()}
	for _, t := range backupTables {
		head.Tables = append(head.Tables, t.archiveTable)
	}
	a, err := newArchiveWriter(w, contentMagic, head)
	if err != nil {
		return err
	}
	err = db.readers.snapshot(ctx, func(q querier) error {
		for i, t := range backupTables {
			from := t.from
			if from == "" {
				from = t.Name
			}
			if err := dumpTable(ctx, q, a, i, "SELECT "+strings.Join(t.Columns, ", ")+" FROM "+from, len(t.Columns)); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.end(w)
}

func dumpTable(ctx context.Context, q querier, a *archiveWriter, table int, text string, columns int) error {
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	values := make([]any, columns)
	dest := make([]any, columns)
	for i := range values {
		dest[i] = &values[i]
	}
	return eachRow(rows, func() error {
		clear(values)
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		return a.row(table, values)
	})
}
