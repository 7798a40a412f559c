package privacydesk

import (
	"context"
	"fmt"
	"io"

	"postroom/privacy"
	"postroom/privacy/archive"
)

// Preview says what an erasure would do, without asking for it to be done.
func (d *Desk) Preview(ctx context.Context, r *privacy.Request) (*privacy.Preview, error) {
	return d.Store.Preview(ctx, d.plan(r), d.Masker)
}

// wholeArchive is more than any archive: it comes in one part.
const wholeArchive = 1 << 50

// Export writes the archive of what is held about the request's addresses as
// one zip without encryption, for the officer's hands alone. Nothing is mailed
// and nothing is noted: that is the caller's.
func (d *Desk) Export(ctx context.Context, r *privacy.Request, w io.Writer) (*archive.Result, error) {
	src, contents, err := d.collect(ctx, r)
	if err != nil {
		return nil, err
	}
	contents.Passphrase, contents.PartBytes = "", wholeArchive
	result, err := archive.Build(ctx, contents, src, func(ctx context.Context, _, _ int, write func(io.Writer) error) error { return write(w) })
	if err != nil {
		return nil, fmt.Errorf("write the archive: %w", err)
	}
	return result, nil
}
