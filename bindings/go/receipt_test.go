package attestlm

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Steps are proven from what a receipt discloses, and lead to its root alone.
func TestStepProofs(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	request := Request{Messages: []Message{{"user", "Tom has 3 apples. Anna gives him 4. How many has he?"}}, MaxTokens: 200}
	answer, err := session.Generate(background, request, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Receipt.Close()
	proof, err := answer.Receipt.ProveStep(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Receipt.CheckProof(proof); err != nil {
		t.Error(err)
	}
	changed := bytes.Replace(proof, []byte(`"text": "`), []byte(`"text": "x`), 1)
	if bytes.Equal(changed, proof) {
		changed = bytes.Replace(proof, []byte(`"text":"`), []byte(`"text":"x`), 1)
	}
	if err := answer.Receipt.CheckProof(changed); bytes.Equal(changed, proof) || !errors.Is(err, ErrReceipt) {
		t.Errorf("%s: %v", changed, err)
	}
	if _, err := answer.Receipt.ProveStep(1000); !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
	short, err := answer.Receipt.JSON(false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(t, short).ProveStep(0); !errors.Is(err, ErrReceipt) {
		t.Error(err)
	}
	if err := parse(t, short).CheckProof(proof); err != nil {
		t.Error(err)
	}
}

// Every term is compared: what the receipt is passes, anything else is named.
func TestTerms(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	context := Hash{7}
	const at = 1_700_000_000
	beacon := Hash{8}
	request := Request{Prompt: "1", MaxTokens: 3, IgnoreEOG: true, Context: &Context{Hash: context}, Temperature: "1", SeedRule: 2,
		Beacon: &beacon, IssuedAt: at, Nonce: &Hash{6}, Domain: &Domain{ChainID: 5, VerifyingContract: Address{4}}}
	answer, err := session.Generate(background, request, signer)
	if err != nil {
		t.Fatal(err)
	}
	receipt := answer.Receipt
	defer receipt.Close()
	text, err := receipt.JSON(true)
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Message struct{ Sampler Hash } }
	decode(t, text, &document)
	by, err := receipt.Signer()
	if err != nil {
		t.Fatal(err)
	}
	info, err := theModel(t).Info()
	if err != nil {
		t.Fatal(err)
	}
	terms := Terms{Signer: &by, Model: &info.SHA256, Adapter: &Hash{}, Sampler: &document.Message.Sampler, Profile: "exact",
		Finish: answer.Finish, Context: &context, Threads: 1, Domain: request.Domain, IssuedFrom: at, IssuedUntil: at,
		Beacon: &beacon, Nonce: request.Nonce}
	verify := func(terms Terms) Verdict {
		t.Helper()
		report, err := receipt.Verify(background, VerifyOptions{Model: theModel(t), Terms: terms, Request: &request})
		if err != nil {
			t.Fatal(err)
		}
		return report.Verdict
	}
	if verdict := verify(terms); verdict.Name != Verified {
		t.Errorf("%+v", verdict)
	}
	for name, change := range map[string]func(*Terms){
		"signer":  func(t *Terms) { t.Signer = &Address{9} },
		"model":   func(t *Terms) { t.Model = &Hash{9} },
		"adapter": func(t *Terms) { t.Adapter = &Hash{9} },
		"sampler": func(t *Terms) { t.Sampler = &Hash{9} },
		"profile": func(t *Terms) { t.Profile = "fast" },
		"finish":  func(t *Terms) { t.Finish = "stop string" },
		"context": func(t *Terms) { t.Context = &Hash{9} },
		"scored":  func(t *Terms) { t.Scored = true },

		"domain":             func(t *Terms) { t.Domain = &Domain{ChainID: 6, VerifyingContract: Address{4}} },
		"no domain":          func(t *Terms) { t.Domain = &Domain{} },
		"issuedFrom":         func(t *Terms) { t.IssuedFrom, t.IssuedUntil = at+1, 0 },
		"issuedUntil":        func(t *Terms) { t.IssuedFrom, t.IssuedUntil = 0, at-1 },
		"seed":               func(t *Terms) { t.Seed = "7" },
		"clientEntropy":      func(t *Terms) { t.ClientEntropy = &Hash{9} },
		"providerCommitment": func(t *Terms) { t.ProviderCommitment = &Hash{9} },
		"beacon":             func(t *Terms) { t.Beacon = &Hash{9} },
		"nonce":              func(t *Terms) { t.Nonce = &Hash{9} },
	} {
		changed := terms
		change(&changed)
		if verdict := verify(changed); verdict.Name != Invalid || verdict.What == "" {
			t.Errorf("%s: %+v", name, verdict)
		}
	}
	other := Request{Prompt: "2", MaxTokens: 3, IgnoreEOG: true, Context: &Context{Hash: context}}
	report, err := receipt.Verify(background, VerifyOptions{Request: &other, Terms: Terms{SignatureOnly: true}})
	if err != nil || report.Verdict.Name != Invalid {
		t.Errorf("%+v: %v", report, err)
	}
	report, err = receipt.Verify(background, VerifyOptions{Request: &request})
	if err != nil || report.Verdict.Name != Unverifiable || report.Verdict.Why == "" {
		t.Errorf("%+v: %v", report, err)
	}
	_, err = receipt.Verify(background, VerifyOptions{Terms: Terms{Finish: "tired"}})
	answered(t, err, ErrArgument, "finish", "")
	_, err = receipt.Verify(background, VerifyOptions{Request: &Request{}})
	if !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
}

// A report is written as it is read.
func TestReportJSON(t *testing.T) {
	var test struct{ Receipts []string }
	load(t, filepath.Join(vectors, "generations", "greedy.json"), &test)
	receipt := parse(t, []byte(test.Receipts[0]))
	report, err := receipt.Verify(background, VerifyOptions{Model: theModel(t)})
	if err != nil || report.Verdict.Name != Verified {
		t.Fatalf("%+v: %v", report, err)
	}
	written, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var read Report
	decode(t, written, &read)
	if *read.Signer != *report.Signer || *read.Digest != *report.Digest || len(read.Compared) != len(report.Compared) {
		t.Errorf("%s", written)
	}
	if _, err := ParseReceipt([]byte("{}")); !errors.Is(err, ErrReceipt) {
		t.Error(err)
	}
}

// A wallet's signature is kept as it is, and left to its chain.
func TestSignAsWallet(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	request := Request{Prompt: "Tom", MaxTokens: 2, IgnoreEOG: true, Domain: &Domain{ChainID: 1, VerifyingContract: Address{1}}}
	answer, err := session.Generate(background, request, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Receipt.Close()
	for _, signature := range [][]byte{nil, []byte("two owners"), make([]byte, 8192)} {
		if err := answer.Receipt.SignAsWallet(signature); err != nil {
			t.Fatal(err)
		}
		text, err := answer.Receipt.JSON(true)
		if err != nil || !bytes.Contains(text, []byte(`"signature": "0x`+hex.EncodeToString(signature)+`"`)) {
			t.Errorf("%s: %v", text, err)
		}
		report, err := parse(t, text).Verify(background, VerifyOptions{Terms: Terms{SignatureOnly: true}})
		if err != nil || report.Verdict.Name != Unverifiable || !strings.HasPrefix(report.Verdict.Why, "erc1271: ") {
			t.Errorf("%+v: %v", report, err)
		}
	}
	if err := answer.Receipt.SignAsWallet(make([]byte, 8193)); !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
}

// A second receipt follows the first, of one job, and not the other way round.
func TestCheckFollows(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	ask := func(job ContextInputs) *Receipt {
		answer, err := session.Generate(background, Request{Prompt: "Tom", MaxTokens: 2, IgnoreEOG: true, Context: &Context{Inputs: &job}}, signer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Receipt.Close() })
		return answer.Receipt
	}
	job := ContextInputs{ChainID: 5, JobID: Hash{1}}
	first := ask(job)
	digest, err := first.Digest()
	if err != nil {
		t.Fatal(err)
	}
	job.PreviousDigest = digest
	second := ask(job)
	if err := second.CheckFollows(first); err != nil {
		t.Error(err)
	}
	job.JobID = Hash{2}
	for name, err := range map[string]error{
		"backwards":   first.CheckFollows(second),
		"itself":      second.CheckFollows(second),
		"another job": ask(job).CheckFollows(first),
	} {
		var failed *Error
		if !errors.As(err, &failed) || failed.Code != ErrReceipt || failed.Field != "context" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := second.CheckFollows(nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// One step of a reasoned answer is shown, with its proof; the others, the question and the tokens are not.
func TestRedact(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	request := Request{Messages: []Message{{Role: "user", Content: "Ruth has 6 boxes. Each one holds 8 balls. Later, she drops 26 balls " +
		"and cannot find them. She hands 2 balls to Vera. How many balls are left with Ruth?"}}}
	answer, err := session.Generate(background, request, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Receipt.Close()
	redacted, err := answer.Receipt.Redact(1)
	if err != nil {
		t.Fatal(err)
	}
	defer redacted.Close()
	text, err := redacted.JSON(true)
	if err != nil || !bytes.Contains(text, []byte("48 - 26 = 22")) {
		t.Fatalf("%s: %v", text, err)
	}
	for _, hidden := range []string{"6 * 8", "22 - 2", "Ruth", "nonce"} {
		if bytes.Contains(text, []byte(hidden)) {
			t.Errorf("%s is readable", hidden)
		}
	}
	report, err := parse(t, text).Verify(background, VerifyOptions{Terms: Terms{SignatureOnly: true}})
	if err != nil || report.Verdict.Name != Verified || !slices.Contains(report.Compared, "step 1") {
		t.Errorf("%+v: %v", report, err)
	}
	for _, steps := range [][]uint32{nil, {4}} {
		_, err := answer.Receipt.Redact(steps...)
		if !errors.Is(err, ErrArgument) {
			t.Errorf("%v: %v", steps, err)
		}
	}
	if _, err := redacted.Redact(1); !errors.Is(err, ErrReceipt) {
		t.Error(err)
	}
	// Without steps there is one, the answer.
	request.Steps = &Markers{}
	whole, err := session.Generate(background, request, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Receipt.Close()
	if _, err := whole.Receipt.Redact(1); !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
}
