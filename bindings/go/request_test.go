package attestlm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A decoded request is its text: the library reads it, and a receipt commits to the same.
func TestRequestIsDecoded(t *testing.T) {
	const contract = "0x1111111111111111111111111111111111111111"
	session, signer := newSession(t, Options{}), newTestSigner(t)
	raw := fmt.Sprintf(`{"prompt":"1", "schema":{"const": "<&>"}, "temperature":0.50, "seed":7, "nonce":"%s",`+
		` "issuedAt":1700000000, "domain":{"chainId":"1","verifyingContract":"%s"}}`, Hash{1}, contract)
	var request Request
	if err := json.NewDecoder(strings.NewReader(" " + raw + "\n")).Decode(&request); err != nil {
		t.Fatal(err)
	}
	buffer := []byte(raw)
	if err := request.UnmarshalJSON(buffer); err != nil {
		t.Fatal(err)
	}
	buffer[0] = ' ' // a decoder uses its buffer again
	if text, err := request.MarshalJSON(); err != nil || string(text) != raw {
		t.Errorf("%s: %v", text, err)
	}
	var documents []string
	for _, request := range []Request{request, {JSON: []byte(raw)}} {
		answer, err := session.Generate(background, request, signer)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Receipt.Close()
		document, err := answer.Receipt.JSON(true)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(document))
		report, err := answer.Receipt.Verify(background, VerifyOptions{Request: &request, Terms: Terms{SignatureOnly: true}})
		if err != nil || report.Verdict.Name == Invalid {
			t.Errorf("%+v: %v", report, err)
		}
	}
	if documents[0] != documents[1] || !strings.Contains(documents[0], "1700000000") {
		t.Errorf("%s\n%s", documents[0], documents[1])
	}
}

// What is decoded is the library's to refuse.
func TestDecodedRequestIsRefused(t *testing.T) {
	session := newSession(t, Options{})
	for text, field := range map[string]string{
		`{"prompt":"1","max_tokens":3}`:            "max_tokens",
		`{"prompt":"1","seed":7,"seed":8}`:         "seed",
		`{"prompt":"1","domain":{}}`:               "domain.chainId",
		`{"prompt":"1","temperature":0.123456789}`: "temperature",
		`null`: "request",
		`[]`:   "request",
	} {
		var request Request
		if err := json.Unmarshal([]byte(text), &request); err != nil {
			t.Fatal(err)
		}
		_, err := session.Start(background, request, nil)
		answered(t, err, ErrArgument, field, "")
	}
	request := Request{Prompt: "1"}
	if err := json.Unmarshal([]byte(`{"prompt":`), &request); err == nil || request.Prompt != "1" {
		t.Error(request, err)
	}
}

// A request is written as it is handed in, whichever way it was given.
func TestRequestIsWritten(t *testing.T) {
	nonce := Hash{1}
	for expected, request := range map[string]Request{
		`{"prompt":"1","seed":7}`: {JSON: []byte(`{"prompt": "1", "seed": 7}`)},
		`{"messages":[{"role":"user","content":"1"}],"temperature":0.7,"seed":"7","nonce":"` + nonce.String() + `"}`: {
			Messages: []Message{{"user", "1"}}, Temperature: "0.7", Seed: "7", Nonce: &nonce},
		`{}`: {},
	} {
		for _, value := range []any{request, &request} {
			if text, err := json.Marshal(value); err != nil || string(text) != expected {
				t.Errorf("%s, not %s: %v", text, expected, err)
			}
		}
	}
	if _, err := json.Marshal(Request{Temperature: "warm"}); !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
}

// A limit that is set beside a decoded request is not passed over in silence.
func TestRequestBesideJSON(t *testing.T) {
	_, err := newSession(t, Options{}).Start(background, Request{JSON: []byte(`{"prompt":"1"}`), MaxTokens: 1}, nil)
	answered(t, err, ErrArgument, "request", "other fields")
}

// What is not UTF-8 would be another text once it were written as JSON, and a receipt would stand for both.
func TestTextsAreUTF8(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	const ill = "secret \xff3 ="
	for field, request := range map[string]Request{
		"prompt":              {Prompt: ill},
		"messages[1].content": {Messages: []Message{{"user", "1"}, {"user", ill}}},
		"messages[0].role":    {Messages: []Message{{ill, "1"}}},
		"stop[1]":             {Prompt: "1", Stop: []string{"2", ill}},
		"grammar":             {Prompt: "1", Grammar: ill},
		"date":                {Prompt: "1", Date: ill},
		"seed":                {Prompt: "1", Seed: ill},
		"tools":               {Prompt: "1", Tools: json.RawMessage(`["` + ill + `"]`)},
		"schema":              {Prompt: "1", Schema: json.RawMessage(`{"const":"` + ill + `"}`)},
		"":                    {JSON: json.RawMessage(`{"prompt":"` + ill + `"}`)},
	} {
		calls := map[string]func() error{
			"Start": func() error { _, err := session.Start(background, request, signer); return err },
			"Score": func() error {
				_, err := session.Score(background, request, Continuation{Text: "1"}, signer)
				return err
			},
		}
		if field != "" {
			calls["Marshal"] = func() error { _, err := json.Marshal(request); return err }
		}
		for name, call := range calls {
			err := call()
			var found *Error
			if !errors.As(err, &found) || found.Code != ErrArgument || field != "" && found.Field != field {
				t.Errorf("%s %s: %v", field, name, err)
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("%s %s tells the text: %v", field, name, err)
			}
		}
	}
	_, err := session.Score(background, Request{Prompt: "1"}, Continuation{Text: ill}, nil)
	answered(t, err, ErrArgument, "text", "")
	if strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	_, err = json.Marshal(Continuation{Text: ill})
	answered(t, err, ErrArgument, "text", "")
	_, err = theModel(t).NewSession(Options{Profile: ill})
	answered(t, err, ErrArgument, "profile", "")

	answer, err := session.Generate(background, Request{Prompt: "2 + 3 =\ufffd", MaxTokens: 1}, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Receipt.Close()
	_, err = answer.Receipt.Verify(background, VerifyOptions{Request: &Request{Prompt: "2 + 3 =\xfe", MaxTokens: 1}, Terms: Terms{SignatureOnly: true}})
	answered(t, err, ErrArgument, "prompt", "")
	_, err = answer.Receipt.Verify(background, VerifyOptions{Terms: Terms{Finish: ill}})
	answered(t, err, ErrArgument, "finish", "")
	// U+FFFD itself is a character like others.
	report, err := answer.Receipt.Verify(background, VerifyOptions{Model: theModel(t), Request: &Request{Prompt: "2 + 3 =\ufffd", MaxTokens: 1}})
	if err != nil || report.Verdict.Name != Verified {
		t.Errorf("%+v: %v", report, err)
	}
}
