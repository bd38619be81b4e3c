package attestlm

/*
#include <attestlm.h>
*/
import "C"

import "context"

// Receipt is a receipt with its disclosure, or without.
type Receipt struct {
	object *object[*C.attestlm_receipt_t]
}

// ParseReceipt reads a receipt document, strictly. Form alone is looked at: signature and commitments are
// [Receipt.Verify]'s. Errors: [ErrReceipt].
func ParseReceipt(json []byte) (*Receipt, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var receipt *C.attestlm_receipt_t
	var err *C.attestlm_error_t
	data, length := input(json)
	status := C.attestlm_receipt_parse(data, length, &receipt, &err)
	return newReceipt(status, receipt, err)
}

func newReceipt(status C.attestlm_status_t, receipt *C.attestlm_receipt_t, err *C.attestlm_error_t) (*Receipt, error) {
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return &Receipt{own(receipt, func(receipt *C.attestlm_receipt_t) { C.attestlm_receipt_free(receipt) })}, nil
}

// JSON gives the receipt document, the same bytes in every language. Without the disclosure it leaves out prompt, output
// and seed: what is left can still be checked for its signature and anchored. One that waits for its signature has none,
// and no verifier takes it: [ParseReceipt] and [Receipt.Sign] complete it, in this process or another.
func (r *Receipt) JSON(withDisclosure bool) ([]byte, error) {
	receipt, closed := r.held().use()
	if closed != nil {
		return nil, closed
	}
	defer r.object.done()
	var text *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_receipt_to_json(receipt, flag(withDisclosure), &text, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return output(text), nil
}

// TypedData gives what a wallet's eth_signTypedData_v4 takes: the statement, before it is signed or after.
func (r *Receipt) TypedData() ([]byte, error) {
	receipt, closed := r.held().use()
	if closed != nil {
		return nil, closed
	}
	defer r.object.done()
	var text *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_receipt_typed_data(receipt, &text, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return output(text), nil
}

// Digest is the EIP-712 digest that is signed.
func (r *Receipt) Digest() ([32]byte, error) {
	receipt, closed := r.held().use()
	if closed != nil {
		return [32]byte{}, closed
	}
	defer r.object.done()
	var digest [32]byte
	var err *C.attestlm_error_t
	data, _ := input(digest[:])
	status := C.attestlm_receipt_digest(receipt, data, &err)
	return digest, failure(status, err)
}

// Signer is the stated signer's address. Whether the signature is that signer's is Verify's to say.
func (r *Receipt) Signer() (Address, error) {
	receipt, closed := r.held().use()
	if closed != nil {
		return Address{}, closed
	}
	defer r.object.done()
	var address Address
	var err *C.attestlm_error_t
	data, _ := input(address[:])
	status := C.attestlm_receipt_signer(receipt, data, &err)
	return address, failure(status, err)
}

// Sign adds the stated signer's signature over Digest: r, s and v, 65 bytes. A high s, and v as 0 or 1, are brought to the
// one valid form. [ErrBusy] beside any other call on the receipt. On failure the receipt is unchanged. Errors: [ErrSigner]
// (no signature, or somebody else's).
func (r *Receipt) Sign(signature []byte) error {
	receipt, closed := r.held().use()
	if closed != nil {
		return closed
	}
	defer r.object.done()
	var err *C.attestlm_error_t
	data, length := input(signature)
	status := C.attestlm_receipt_sign(receipt, data, length, &err)
	return failure(status, err)
}

// SignAsWallet adds what a contract wallet, the stated signer, takes for its signature of [Receipt.Digest] (ERC-1271): at most
// 8,192 bytes, as they are. Only its chain can check them. Errors: [ErrArgument] (too long, or the receipt is for no contract).
func (r *Receipt) SignAsWallet(signature []byte) error {
	receipt, closed := r.held().use()
	if closed != nil {
		return closed
	}
	defer r.object.done()
	var err *C.attestlm_error_t
	data, length := input(signature)
	status := C.attestlm_receipt_sign_as_wallet(receipt, data, length, &err)
	return failure(status, err)
}

// Verify judges the receipt. No error says that there is a report, not that the receipt stands: look at its verdict. It
// blocks for the replay, which ends with ctx.Err() at the end of ctx. Errors: [ErrArgument] (terms, request), [ErrModel]
// (the file was changed), [ErrEngine], [ErrUnsupported] (a model, but no engine here).
func (r *Receipt) Verify(ctx context.Context, options VerifyOptions) (*Report, error) {
	terms, failed := encode("terms", options.Terms)
	if failed != nil {
		return nil, failed
	}
	var request []byte
	if options.Request != nil {
		if request, failed = options.Request.text(); failed != nil {
			return nil, failed
		}
	}
	receipt, closed := r.held().use()
	if closed != nil {
		return nil, closed
	}
	defer r.object.done()
	model, closed := options.Model.use()
	if closed != nil {
		return nil, closed
	}
	defer options.Model.done()
	adapter, closed := options.Adapter.use()
	if closed != nil {
		return nil, closed
	}
	defer options.Adapter.done()
	return operate(ctx, options.Progress, func(operation *C.attestlm_operation_t) (*Report, error) {
		var report *C.attestlm_bytes_t
		var err *C.attestlm_error_t
		termsData, termsLength := input(terms)
		requestData, requestLength := input(request)
		status := C.attestlm_receipt_verify(receipt, model, adapter, termsData, termsLength, requestData, requestLength,
			operation, &report, &err)
		return read[Report](status, report, err)
	})
}

// ProveStep gives a proof that step index is part of the output, from what the receipt discloses, as a JSON document. It
// is the signer's claim, not a replay. Errors: [ErrArgument] (no such step), [ErrReceipt] (not disclosed).
func (r *Receipt) ProveStep(index uint32) ([]byte, error) {
	receipt, closed := r.held().use()
	if closed != nil {
		return nil, closed
	}
	defer r.object.done()
	var proof *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_receipt_prove_step(receipt, C.uint32_t(index), &proof, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return output(proof), nil
}

// Redact gives the receipt with these steps, each with its proof, and nothing else readable, or open to guesses. It is the
// caller's to close. [Receipt.Verify] with SignatureOnly compares each step. Errors: [ErrArgument] (no such step), [ErrReceipt]
// (not disclosed).
func (r *Receipt) Redact(steps ...uint32) (*Receipt, error) {
	shown, failed := encode("steps", map[string][]uint32{"steps": append([]uint32{}, steps...)})
	if failed != nil {
		return nil, failed
	}
	receipt, closed := r.object.use()
	if closed != nil {
		return nil, closed
	}
	defer r.object.done()
	var redacted *C.attestlm_receipt_t
	var err *C.attestlm_error_t
	data, length := input(shown)
	status := C.attestlm_receipt_redact(receipt, data, length, &redacted, &err)
	return newReceipt(status, redacted, err)
}

// CheckProof says whether a proof document of a step or an output token leads to this receipt's roots: nil, or
// [ErrReceipt] and why not. The receipt's signature is not looked at.
func (r *Receipt) CheckProof(proof []byte) error {
	receipt, closed := r.held().use()
	if closed != nil {
		return closed
	}
	defer r.object.done()
	var err *C.attestlm_error_t
	data, length := input(proof)
	status := C.attestlm_receipt_check_proof(receipt, data, length, &err)
	return failure(status, err)
}

// CheckFollows says whether the receipt follows another, so that both are of one history: nil, or [ErrReceipt] and why not.
// Neither signature is looked at. A receipt that is to follow another is asked for with [Request].Context.
func (r *Receipt) CheckFollows(previous *Receipt) error {
	receipt, closed := r.held().use()
	if closed != nil {
		return closed
	}
	defer r.object.done()
	before, closed := previous.held().use()
	if closed != nil {
		return closed
	}
	defer previous.object.done()
	var err *C.attestlm_error_t
	status := C.attestlm_receipt_check_follows(receipt, before, &err)
	return failure(status, err)
}

// Close frees the receipt.
func (r *Receipt) Close() error {
	r.held().close()
	return nil
}

// held is the object, or nil of a nil Receipt: every use of that is [ErrClosed].
func (r *Receipt) held() *object[*C.attestlm_receipt_t] {
	if r == nil {
		return nil
	}
	return r.object
}
