package senderauth

import (
	"context"
	"fmt"
)

// conclude weighs what was found: who is aligned, what that proves, and what
// the author's domain wants done otherwise.
func (k *Check) conclude(ctx context.Context, r *Result, auth *authority, fromErr error) {
	r.Disposition = DispositionNone
	switch {
	case r.ManyFroms:
		r.Proof, r.Why = ProofNone, "more than one sender in From"
		r.DMARC = DMARC{Result: PermError, Reason: errManyFroms.Error()}
		return
	case fromErr != nil:
		r.Proof, r.Why = ProofNone, "no sender's domain in From"
		r.DMARC = DMARC{Result: None, Reason: "no From domain"}
		return
	case auth.err != nil:
		r.Proof, r.Why = ProofTemp, "the DNS did not say what "+r.From+" publishes"
		r.DMARC = DMARC{Result: TempError, Reason: "policy could not be asked for"}
		return
	}
	passed, prover := align(ctx, r, auth)
	r.DMARC = auth.policy
	switch {
	case !auth.has:
		r.DMARC.Result = None
	case passed:
		r.DMARC.Result = Pass
	default:
		r.DMARC.Result = Fail
	}
	switch {
	case prover != "":
		r.Proof, r.Why = ProofAligned, prover
	case unknown(r), auth.unsure && r.DMARC.Result == Fail:
		r.Proof, r.Why = ProofTemp, "what would prove "+r.From+" could not be looked up"
		if r.DMARC.Result == Fail {
			r.DMARC.Result = TempError
		}
	case r.DMARC.Result == Fail:
		k.failed(r)
	case !passed && r.SPF.Result == Fail && related(r.SPF.Domain, r.From):
		r.Proof, r.Why = ProofFail, fmt.Sprintf("%s says that its mail does not come from this server", r.SPF.Domain)
	default:
		r.Proof, r.Why = ProofNone, "nothing proves that this is from "+r.From
	}
}

// align marks what is aligned. passed is DMARC's view, prover names what
// counts as proof, if anything does.
func align(ctx context.Context, r *Result, auth *authority) (passed bool, prover string) {
	if r.SPF.Result == Pass {
		dmarc, proof := auth.aligned(ctx, r.SPF.Domain, auth.record.strictSPF)
		r.SPF.Aligned = dmarc || proof
		passed = dmarc
		if proof {
			prover = "sent by a server of " + r.SPF.Domain + " (SPF)"
		}
	}
	for i := range r.DKIM {
		s := &r.DKIM[i]
		if s.Result != Pass {
			continue
		}
		dmarc, proof := auth.aligned(ctx, s.Domain, auth.record.strictDKIM)
		s.Aligned = dmarc || proof
		passed = passed || dmarc
		// RFC 6376 section 3.6.1: a test key's mail is to be treated as unsigned.
		// We don't refuse it, but we build nothing on it either.
		if proof && !s.Testing {
			prover = "signed by " + s.Domain + " (DKIM)"
		}
	}
	return passed, prover
}

// unknown says whether something that could have proved the sender ended in a
// temporary failure.
func unknown(r *Result) bool {
	if r.SPF.Result == TempError && related(r.SPF.Domain, r.From) {
		return true
	}
	for _, s := range r.DKIM {
		if s.Result == TempError && related(s.Domain, r.From) {
			return true
		}
	}
	return false
}

// failed is for mail that its From domain disowns: it is treated as the domain
// asks, unless it came by a way that breaks honest mail and that the
// administrator vouches for.
func (k *Check) failed(r *Result) {
	r.Proof = ProofFail
	r.Why = fmt.Sprintf("not proved, though %s says that its mail is", r.DMARC.Domain)
	r.Disposition = r.DMARC.Policy
	switch {
	case r.ARC.Vouches:
		r.Override = "sealed by " + r.ARC.Sealer
		r.Why = r.ARC.Sealer + " says that it was proved on arrival there (ARC)"
	case r.Forwarder != "":
		r.Override = "forwarded by " + r.Forwarder
		r.Why = "forwarded by " + r.Forwarder + "; the sender is not proved"
	default:
		return
	}
	r.Proof, r.Disposition = ProofNone, DispositionNone
}
