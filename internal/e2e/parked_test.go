package e2e

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type waitingJob struct {
	ID       int64
	Kind     string
	State    string
	Attempts int
}

func (d *desk) jobs(args ...string) []waitingJob {
	d.t.Helper()
	return lines[waitingJob](d, append([]string{"outbox", "jobs"}, args...)...)
}

// plantJob writes a job that nobody can do, such as one of a later version,
// into the database of a desk that does not run.
func (d *desk) plantJob(id int64, failures int, due time.Time, worker string) {
	d.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(d.data, "desk.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec("INSERT INTO jobs (id, kind, ticket_id, message_id, run_at, attempts, fence, worker, owner) VALUES (?, 'unheard-of', 0, 0, ?, ?, 1, ?, 0)",
		id, due.UnixMicro(), failures, worker)
	if err != nil {
		d.t.Fatal(err)
	}
}

// A job that can never succeed is tried soon again, then less often, and in
// the end parked: counted, shown, logged, and set going again by hand. Other
// work goes on meanwhile.
func TestAJobThatCannotSucceedIsParked(t *testing.T) {
	t.Parallel()
	const fresh, tired = 11, 12
	w := newWorld(t)
	d := arrangements[0].build(t, w, nil).admin()
	d.plantJob(fresh, 0, time.Now(), "")
	d.plantJob(tired, 29, time.Now(), "")
	d.serve()
	eventually(t, "one is parked, the other was tried more than once", func() string {
		all, parked := d.jobs(), d.jobs("--parked")
		for _, j := range all {
			if j.ID == fresh && j.State == "waiting" && j.Attempts >= 2 && len(parked) == 1 && parked[0].ID == tired && parked[0].State == "parked" && parked[0].Attempts == 30 {
				return ""
			}
		}
		return fmt.Sprint(all)
	})
	if why := d.metric("postroom_jobs_parked", "1"); why != "" {
		t.Error(why)
	}
	if log := d.proc.log.String(); !strings.Contains(log, "failed too often and is parked") {
		t.Errorf("the log does not say so:\n%s", log)
	}
	if _, errs, status := d.run("outbox", "list"); status != 0 || !strings.Contains(errs, "postroom outbox jobs --parked") {
		t.Errorf("outbox list says %q", errs)
	}
	d.mustSend("ann@acme.example", support, letter(ann, support, "Hello", "", "Words."))
	w.next("carl@agents.example", "Hello")

	d.must("outbox", "resume", "--all")
	eventually(t, "it is tried again", func() string {
		for _, j := range d.jobs() {
			if j.ID == tired && j.State == "waiting" && j.Attempts >= 1 {
				return ""
			}
		}
		return fmt.Sprint(d.jobs())
	})
	if why := d.metric("postroom_jobs_parked", "0"); why != "" {
		t.Error(why)
	}
	for _, args := range [][]string{{"outbox", "resume"}, {"outbox", "resume", "99"}, {"outbox", "resume", "11", "--all"}} {
		if _, errs, status := d.run(args...); status != 1 || !strings.Contains(errs, "job") {
			t.Errorf("%v: %d %q", args, status, errs)
		}
	}
}

// A node that only works takes up at its start what it held when it died.
func TestAWorkerTakesItsJobsUpAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := arrangements[0].build(t, w, nil).admin()
	node, err := os.ReadFile(filepath.Join(d.data, "node"))
	if err != nil {
		t.Fatal(err)
	}
	const own, others = 11, 12
	d.plantJob(own, 0, time.Now().Add(time.Hour), strings.TrimSpace(string(node)))
	d.plantJob(others, 0, time.Now().Add(time.Hour), "node-of-somebody-else")
	d.serve("--roles", "worker")
	eventually(t, "its own is tried, another's is not", func() string {
		all := d.jobs()
		if len(all) == 2 && all[0].Attempts > 0 && all[1].Attempts == 0 {
			return ""
		}
		return fmt.Sprint(all)
	})
}
