package attestlm

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
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
	request := Request{Prompt: "1", MaxTokens: 3, IgnoreEOG: true, Context: &context}
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
		Finish: answer.Finish, Context: &context, Threads: 1}
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
	} {
		changed := terms
		change(&changed)
		if verdict := verify(changed); verdict.Name != Invalid || verdict.What == "" {
			t.Errorf("%s: %+v", name, verdict)
		}
	}
	other := Request{Prompt: "2", MaxTokens: 3, IgnoreEOG: true, Context: &context}
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
