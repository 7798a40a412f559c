package storage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

const eraseChild = "POSTROOM_STORAGE_ERASE"

// runEraseChild erases until it is killed or has done, while mail of the same
// person arrives. It says what it kept.
func runEraseChild() {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	var p privacy.Plan
	fail(json.Unmarshal([]byte(os.Getenv("POSTROOM_STORAGE_PLAN")), &p))
	db, err := Open(ctx, Options{URL: os.Getenv("POSTROOM_STORAGE_URL"), DataDir: os.Getenv(eraseChild), MasterKey: testMaster})
	fail(err)
	fmt.Println("open")
	go func() {
		for {
			var tk tickets.Ticket
			var m tickets.Message
			id := "while." + newRef() + newRef()
			_, err := db.Apply(ctx, testMail{from: annAddress, name: annName, id: id, subject: "while", raw: []byte(id)}.decide(&tk, &m))
			fail(err)
			time.Sleep(5 * time.Millisecond) // a mail now and then
		}
	}()
	for _, step := range db.EraseSteps() {
		_, err := db.EraseStep(ctx, p, step, testMasker{})
		fail(err)
	}
	fmt.Println("done")
	os.Exit(0)
}

// P13: killed at any moment and begun again, an erasure comes to the same end,
// and no mail that was kept is half there.
func TestP13_KilledErasureComesToItsEnd(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs a process and kills it many times")
	}
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		plan, err := json.Marshal(x.ann)
		if err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		kills := 0
		for done := false; !done; {
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), eraseChild+"="+opt.DataDir, "POSTROOM_STORAGE_URL="+opt.URL, "POSTROOM_STORAGE_PLAN="+string(plan))
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			longer := time.Duration(float64(20*time.Millisecond) * math.Pow(1.3, float64(kills))) // on any machine it once is enough
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				switch lines.Text() {
				case "open":
					time.AfterFunc(rand.N(longer), func() { _ = cmd.Process.Kill() })
				case "done":
					done = true
				default:
					t.Errorf("the process says: %s", lines.Text())
				}
			}
			_ = cmd.Wait()
			if !done {
				kills++
			}
			if kills > 40 {
				t.Fatal("the erasure never came to its end")
			}
		}
		t.Logf("killed %d times", kills)
		db = open(t, opt)
		// What came meanwhile is a new relation, or went with the old; it is
		// taken out of the way before the canaries are looked for.
		kept := 0
		err = db.eachMessageID(ctx, func(id int64) error {
			var b bytes.Buffer
			err := db.WriteRaw(ctx, id, &b)
			if bytes.HasPrefix(b.Bytes(), []byte("while.")) {
				kept++
			}
			if errors.Is(err, ErrGone) {
				t.Errorf("message %d is half there", id)
				err = nil
			}
			return err
		})
		if err != nil || kept == 0 {
			t.Errorf("%d mails came meanwhile, %v", kept, err)
		}
		p := x.ann
		p.RequestID += 1 << 20
		eraseAll(t, db, p)
		x.clean(t, db)
	})
}
