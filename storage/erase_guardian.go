package storage

import (
	"context"

	"postroom/tickets"
)

// guardians takes the address of an erased parent out of the lines that say
// what a child consented to. The child's consent and what proves it stay; that
// a parent confirmed it is still said. The lines are found by the question that
// the parent was asked, so this comes before its token goes.
func (e *erasure) guardians(ctx context.Context) error {
	return e.read(ctx, func(v *view) error {
		for i := range e.who {
			asked, err := v.ids(ctx, "SELECT consent_id FROM privacy_tokens WHERE owner = CAST(? AS INTEGER) AND kind = 'agree' AND consent_id > 0", e.who[i].person.ID)
			if err != nil {
				return err
			}
			for _, id := range asked {
				if err := e.forgetGuardian(ctx, v, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// forgetGuardian seals a child's lines anew, without the parent that the one
// with this id names.
func (e *erasure) forgetGuardian(ctx context.Context, v *view, id int64) error {
	open, err := v.ConsentByID(ctx, id)
	if err != nil || open == nil || open.Guardian == "" || open.Address == "" {
		return err
	}
	lines, err := v.ConsentsOf(ctx, open.Org, open.Address)
	for i := range lines {
		x := &lines[i]
		if err != nil {
			return err
		}
		if x.Address == "" || tickets.FoldAddress(x.Guardian) != tickets.FoldAddress(open.Guardian) {
			continue
		}
		var owner int64
		if _, err = v.row(ctx, "SELECT owner FROM consents WHERE id = ?", []any{x.ID}, &owner); err != nil {
			return err
		}
		var key sealer
		if key, err = v.keyOf(ctx, x.Org, owner); err != nil {
			return err
		}
		enc := encoder{}
		enc.str(x.Address)
		enc.str("")
		e.add(-1, "UPDATE consents SET sealed = ? WHERE id = ? AND owner = CAST(? AS INTEGER)", key.seal(place{column: "consents.sealed", row: x.ID}, enc.b), x.ID, owner)
	}
	return err
}
