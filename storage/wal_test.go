package storage

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// However many mails arrive without a pause, the WAL stays bounded.
func TestWALStaysBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
	file := filepath.Join(dir, "desk.db")
	data := make([]byte, 32<<20)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	most := 0
	for range 4 {
		stageBytes(t, db, data)
		frames, _ := walFrames(file)
		most = max(most, frames)
	}
	if most < walSoft {
		t.Fatalf("only %d frames were written, which shows nothing", most)
	}
	until := time.Now().Add(10 * time.Second)
	for {
		frames, copied := walFrames(file)
		if frames-copied < walSoft {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%d of %d frames wait for a checkpoint", frames-copied, frames)
		}
		time.Sleep(walCheck)
	}
	if st, err := os.Stat(file + "-wal"); err != nil || st.Size() > 4*walHard*4120 {
		t.Errorf("the WAL has %d bytes %v", st.Size(), err)
	}
}

// When nothing more comes, all of the WAL is copied, however little it is:
// whoever has to cut it later, as an erasure has, pays only for its own.
func TestWALIsCopiedInQuiet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
	stageBytes(t, db, []byte("a few pages"))
	file := filepath.Join(dir, "desk.db")
	if frames, _ := walFrames(file); frames == 0 || frames >= walSoft {
		t.Fatalf("%d frames were written, which shows nothing", frames)
	}
	until := time.Now().Add(20 * time.Second)
	for {
		frames, copied := walFrames(file)
		if frames == copied {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%d of %d frames were not copied", frames-copied, frames)
		}
		time.Sleep(walCheck)
	}
}
