package attestlm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const vectors = "../../vectors"

// Every area of the manifest, with what runs a case; or why none can be run.
var areas = map[string]struct {
	run    func(t *testing.T, test []byte)
	whyNot string
}{
	"commitments": {whyNot: "hashes of parts, which only whole receipts show (receipts, refused)"},
	"generations": {run: generationCase},
	"gguf":        {run: ggufCase},
	"keystore":    {run: keystoreCase},
	"merkle":      {run: merkleCase},
	"numerics":    {whyNot: "operations inside a model, which only whole answers show (generations)"},
	"receipts":    {run: receiptCase},
	"refused":     {run: refusedCase},
	"requests":    {run: requestCase},
	"sampler":     {whyNot: "draws from given logits, which only whole answers show (generations)"},
	"steps":       {whyNot: "outputs of no model; a model's own are cut in its answers (generations)"},
	"template":    {whyNot: "templates of no model; a model's own shows in its answers (generations)"},
}

func TestVectors(t *testing.T) {
	var manifest map[string]struct {
		Count  int
		SHA256 map[string]string
	}
	load(t, filepath.Join(vectors, "manifest.json"), &manifest)
	for name := range manifest {
		if _, known := areas[name]; !known {
			t.Errorf("area %s is neither run nor left out", name)
		}
	}
	for name, area := range areas {
		t.Run(name, func(t *testing.T) {
			listed := manifest[name]
			files, err := filepath.Glob(filepath.Join(vectors, name, "*.json"))
			if err != nil || len(files) == 0 || len(files) != listed.Count || len(files) != len(listed.SHA256) {
				t.Fatalf("%d files, %d of %d in the manifest: %v", len(files), len(listed.SHA256), listed.Count, err)
			}
			if area.run == nil {
				t.Log("none: " + area.whyNot)
				return
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				digest := sha256.Sum256(text)
				if hex.EncodeToString(digest[:]) != strings.TrimPrefix(listed.SHA256[filepath.Base(file)], "0x") {
					t.Errorf("%s is not the manifest's", file)
				}
				runFile(t, filepath.Base(file), text, area.run)
			}
		})
	}
}

// runFile runs the cases of a file: itself, or a list that says how many it holds.
func runFile(t *testing.T, name string, text []byte, run func(*testing.T, []byte)) {
	var list struct {
		Count int
		Cases []json.RawMessage
	}
	decode(t, text, &list)
	if list.Cases == nil {
		t.Run(name, func(t *testing.T) { run(t, text) })
		return
	}
	if len(list.Cases) == 0 || len(list.Cases) != list.Count {
		t.Fatalf("%d cases, not %d", len(list.Cases), list.Count)
	}
	for _, text := range list.Cases {
		var test struct{ Name string }
		decode(t, text, &test)
		t.Run(test.Name, func(t *testing.T) { run(t, text) })
	}
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decode(t, text, into)
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// strictly decodes into what must know every member.
func strictly(t *testing.T, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	var short bytes.Buffer
	if err := json.Compact(&short, text); err != nil {
		t.Fatal(err)
	}
	return short.Bytes()
}

func fromHex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// answered compares an error with a case's code, field and part of its message; code 0 is success.
func answered(t *testing.T, err error, code Code, field, says string) {
	t.Helper()
	if code == 0 {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var found *Error
	if !errors.As(err, &found) || !errors.Is(err, code) || found.Field != field || found.Message == "" ||
		!strings.Contains(found.Message, says) {
		t.Errorf("%v (%#v), not %v of %q that says %q", err, found, code, field, says)
	}
}

// judge gives the report of a check without a model, which expects of the receipt what it is.
func judge(t *testing.T, receipt *Receipt) *Report {
	t.Helper()
	for _, terms := range []Terms{{SignatureOnly: true, AllowPrefix: true}, {SignatureOnly: true, Scored: true}} {
		report, err := receipt.Verify(background, VerifyOptions{Terms: terms})
		if err != nil {
			t.Fatal(err)
		}
		if report.Kind == nil || (*report.Kind == 1) == terms.Scored {
			return report
		}
	}
	t.Fatal("neither generated nor scored")
	return nil
}

// isRefused says whether a signature is refused. Of a receipt for a contract its chain decides.
func isRefused(report *Report) bool {
	return report.Verdict.Name == Invalid || strings.HasPrefix(report.Verdict.Why, "erc1271: ")
}

func parse(t *testing.T, text []byte) *Receipt {
	t.Helper()
	receipt, err := ParseReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { receipt.Close() })
	return receipt
}

func receiptCase(t *testing.T, text []byte) {
	var test struct {
		Document json.RawMessage
		Expect   struct{ Digest, Signer string }
	}
	decode(t, text, &test)
	receipt := parse(t, test.Document)
	digest, err := receipt.Digest()
	if err != nil || !bytes.Equal(digest[:], fromHex(t, test.Expect.Digest)) {
		t.Errorf("digest %x: %v", digest, err)
	}
	signer, err := receipt.Signer()
	if err != nil || !bytes.Equal(signer[:], fromHex(t, test.Expect.Signer)) {
		t.Errorf("signer %x: %v", signer, err)
	}
	report := judge(t, receipt)
	if report.Verdict.Name != Verified || *report.Signer != signer || *report.Digest != digest {
		t.Errorf("%+v", report)
	}
	written, err := receipt.JSON(true)
	if err != nil {
		t.Fatal(err)
	}
	var expected, found map[string]any
	decode(t, test.Document, &expected)
	decode(t, written, &found)
	if !reflect.DeepEqual(expected, found) {
		t.Errorf("another document: %s", written)
	}
	parse(t, written)

	// Signed at another time it was not.
	expected["message"].(map[string]any)["issuedAt"] = "1"
	changed, err := json.Marshal(expected)
	if err != nil {
		t.Fatal(err)
	}
	if report := judge(t, parse(t, changed)); !isRefused(report) {
		t.Errorf("changed: %+v", report)
	}
}

func refusedCase(t *testing.T, text []byte) {
	var test struct{ Text, Step, Field string }
	decode(t, text, &test)
	receipt, err := ParseReceipt([]byte(test.Text))
	if err != nil {
		if test.Step != "read" || !errors.Is(err, ErrReceipt) {
			t.Error(test.Step, err)
		}
		return
	}
	defer receipt.Close()
	report := judge(t, receipt)
	if test.Step == "unverifiable" {
		if report.Verdict.Name != Unverifiable || !strings.HasPrefix(report.Verdict.Why, test.Field) {
			t.Errorf("%+v, not of %s", report, test.Field)
		}
		return
	}
	if !isRefused(report) {
		t.Errorf("%+v", report)
	}
	// Form, then the signature, then the commitments.
	switch test.Step {
	case "read":
		if len(report.Compared) != 0 {
			t.Errorf("%+v", report)
		}
	case "signature":
		if len(report.Compared) == 0 || slices.Contains(report.Compared, "signature") {
			t.Errorf("%+v", report)
		}
	case "commitments":
		if !strings.HasPrefix(report.Verdict.What, test.Field+":") {
			t.Errorf("%+v, not of %s", report, test.Field)
		}
	default:
		t.Errorf("step %q", test.Step)
	}
}

// A proof is checked against a receipt that has the case's kind, count and root: more of it no proof looks at.
func merkleCase(t *testing.T, text []byte) {
	var test struct {
		Receipt struct {
			Kind, OutputCount json.Number
			Root              string
		}
		Proof json.RawMessage
		Valid bool
	}
	decode(t, text, &test)
	var other struct{ Document map[string]any }
	load(t, filepath.Join(vectors, "receipts", "undisclosed.json"), &other)
	message := other.Document["message"].(map[string]any)
	message["kind"] = test.Receipt.Kind
	message["outputCount"] = test.Receipt.OutputCount
	message["trace"], message["steps"] = test.Receipt.Root, test.Receipt.Root
	document, err := json.Marshal(other.Document)
	if err != nil {
		t.Fatal(err)
	}
	err = parse(t, document).CheckProof(test.Proof)
	if test.Valid && err != nil || !test.Valid && !errors.Is(err, ErrReceipt) {
		t.Errorf("valid %v: %v", test.Valid, err)
	}
}

func keystoreCase(t *testing.T, text []byte) {
	var test struct {
		Keystore                             json.RawMessage
		Password, PrivateKey, Address, Error string
	}
	decode(t, text, &test)
	keystore := []byte(test.Keystore)
	var given string
	if json.Unmarshal(keystore, &given) == nil {
		keystore = []byte(given)
	}
	signer, err := NewKeystoreSigner(keystore, test.Password)
	if test.Error != "" {
		var found *Error
		if !errors.As(err, &found) || found.Code != ErrSigner || found.Field != test.Error {
			t.Errorf("%v, not a signer error of %s", err, test.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	address, err := signer.Address()
	if err != nil || !bytes.Equal(address[:], fromHex(t, test.Address)) {
		t.Errorf("%x: %v", address, err)
	}
}

// Whole answers: every receipt, byte for byte; of the request's text, and of the fields of a Request.
func generationCase(t *testing.T, text []byte) {
	var test struct {
		Key                            string
		Options, Request, Continuation json.RawMessage
		Receipts                       []string
	}
	decode(t, text, &test)
	if len(test.Receipts) == 0 {
		t.Fatal("no receipts")
	}
	signer, err := NewKeySigner(fromHex(t, test.Key))
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	session := sessionOf(t, test.Options)
	var fields requestFields
	strictly(t, test.Request, &fields)
	var decoded Request
	decode(t, compact(t, test.Request), &decoded)
	for _, request := range []Request{decoded, Request(fields)} {
		var receipts []*Receipt
		if test.Continuation != nil {
			var continuation Continuation
			strictly(t, test.Continuation, &continuation)
			score, err := session.Score(context.Background(), request, continuation, signer)
			if err != nil {
				t.Fatal(err)
			}
			receipts = append(receipts, score.Receipt)
		} else {
			answers, err := session.GenerateAll(context.Background(), request, signer)
			if err != nil {
				t.Fatal(err)
			}
			for _, answer := range answers {
				receipts = append(receipts, answer.Receipt)
			}
		}
		if len(receipts) != len(test.Receipts) {
			t.Fatalf("%d receipts, not %d", len(receipts), len(test.Receipts))
		}
		for i, receipt := range receipts {
			written, err := receipt.JSON(true)
			if err != nil || string(written) != test.Receipts[i] {
				t.Errorf("receipt %d: %v\n%s", i, err, written)
			}
			receipt.Close()
		}
	}
}

// Requests at the limits. What is accepted is queued, and dropped before anything is computed.
func requestCase(t *testing.T, text []byte) {
	var test struct {
		Options        json.RawMessage
		Request, Field string
		Code           Code
	}
	decode(t, text, &test)
	generation, err := sessionOf(t, test.Options).Start(background, Request{JSON: []byte(test.Request)}, nil)
	answered(t, err, test.Code, test.Field, "")
	generation.Close()
}

func ggufCase(t *testing.T, text []byte) {
	var test struct {
		Hex, Field, Says string
		Code             Code
	}
	decode(t, text, &test)
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, fromHex(t, test.Hex), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := CheckModel(background, path, OpenOptions{})
	answered(t, err, test.Code, test.Field, test.Says)
	model, err := OpenModel(background, path, OpenOptions{})
	answered(t, err, test.Code, test.Field, test.Says)
	model.Close()
}
