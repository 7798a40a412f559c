package storage

import (
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Memory does not grow with the size of the messages that arrive at once, only
// a little with their number. POSTROOM_LARGE_MAILS=100 tries the full figure.
func TestLargeMailsAtOnceTakeLittleMemory(t *testing.T) {
	mails, size := 30, int64(6<<20)
	if n, err := strconv.Atoi(os.Getenv("POSTROOM_LARGE_MAILS")); err == nil {
		mails, size = n, 25<<20
	}
	db := open(t, Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster})
	stop := make(chan struct{})
	most := make(chan uint64)
	go func() {
		var peak uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-stop:
				most <- peak
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	var wg sync.WaitGroup
	for i := range mails {
		wg.Go(func() {
			s := db.Stage(ctx)
			if _, err := io.Copy(s, io.LimitReader(rand.NewChaCha8([32]byte{byte(i)}), size)); err != nil {
				t.Error(err)
				return
			}
			r, err := s.Finish()
			if err != nil || r.Size != size {
				t.Errorf("%d bytes %v", r.Size, err)
			}
			c := keep(t, db, testMail{from: "a@x.test", id: newRef() + newRef(), subject: "s", stage: r})
			if err := db.WriteRaw(ctx, c.Messages[0].ID, io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(stop)
	peak := <-most
	t.Logf("%d mails of %d MiB at once: the heap reached %d MiB", mails, size>>20, peak>>20)
	if peak > 120<<20 {
		t.Errorf("the heap reached %d MiB", peak>>20)
	}
}
