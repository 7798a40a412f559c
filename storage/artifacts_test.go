package storage

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"postroom/privacy"
)

func TestArchiveIsKeptUntilItIsForgotten(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		r := ask(t, db, privacy.Access, "ann@x.test", []byte("token"))
		large := bytes.Repeat([]byte("0123456789abcdef"), 50000)
		for no, data := range map[int][]byte{1: []byte("small"), 2: large} {
			if n, err := db.PutArtifact(ctx, r.ID, no, "archive.zip", strings.NewReader("an earlier try")); err != nil || n != 14 {
				t.Fatal(n, err)
			}
			if n, err := db.PutArtifact(ctx, r.ID, no, "archive.zip", bytes.NewReader(data)); err != nil || n != int64(len(data)) {
				t.Fatal(n, err)
			}
			var got bytes.Buffer
			if err := db.WriteArtifact(ctx, r.ID, no, &got); err != nil || !bytes.Equal(got.Bytes(), data) {
				t.Errorf("part %d: %d bytes, %v", no, got.Len(), err)
			}
			if name, err := db.ArtifactName(ctx, r.ID, no); err != nil || name != "archive.zip" {
				t.Errorf("part %d is called %q %v", no, name, err)
			}
		}
		if _, err := db.PutArtifact(ctx, r.ID, 3, "broken", &failing{}); err == nil {
			t.Error("half a part was kept")
		}
		if err := db.sweepStages(ctx, true); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM bodies b WHERE NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.content = b.id / 4096)"); n != 0 {
			t.Errorf("%d chunks are nobody's", n)
		}
		if err := db.DropArtifacts(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM bodies"); n != 0 {
			t.Errorf("%d chunks are left", n)
		}
		if err := db.WriteArtifact(ctx, r.ID, 1, &bytes.Buffer{}); !errors.Is(err, errNoArtifact) {
			t.Errorf("a part that is gone: %v", err)
		}
		if _, err := db.PutArtifact(ctx, r.ID, 1, "again.zip", strings.NewReader("again")); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it may be repeated
			if err := db.Forget(ctx, r.ID); err != nil {
				t.Fatal(err)
			}
		}
		desk(t, db, func(v privacy.View) error {
			got, err := v.RequestByNo(ctx, 1, r.No)
			if err == nil && (got == nil || got.Address != "" || got.Detail.Words != "" || got.Right != privacy.Access) {
				t.Errorf("forgotten: %+v", got)
			}
			if list, err := v.RequestsOf(ctx, 1, "ann@x.test", false); err != nil || len(list) != 0 {
				t.Errorf("still found by the address: %v %v", list, err)
			}
			return err
		})
		if n := count(t, db, "SELECT (SELECT COUNT(*) FROM bodies) + (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM privacy_tokens)"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

type failing struct{ n int }

func (f *failing) Read(p []byte) (int, error) {
	if f.n++; f.n > 20 {
		return 0, errBroken
	}
	return len(p), nil
}
