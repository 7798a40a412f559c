package resolver

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
)

// ErrBudget lies under the error of every question asked beyond a Budget.
// That error is neither temporary nor "not found": asking again would end the
// same way.
var ErrBudget = errors.New("too many DNS questions for one message")

// Budget gives a Resolver that answers at most n questions, cached or not, so
// that a stranger's records cannot make us ask without end (docs/threats.md M12). It
// is safe for concurrent use; budgets nest.
func Budget(r *Resolver, n int) *Resolver {
	b := &budget{src: r.src}
	b.left.Store(int64(n))
	return From(b)
}

type budget struct {
	src  Source
	left atomic.Int64
}

func (b *budget) Query(ctx context.Context, name string, qtype uint16) (Answer, error) {
	if b.left.Add(-1) < 0 {
		return Answer{}, &net.DNSError{Err: ErrBudget.Error(), Name: name, UnwrapErr: ErrBudget}
	}
	return b.src.Query(ctx, name, qtype)
}
