package attestlm_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"attestlm"
)

// The functions are the README's examples, word for word.

func ask(ctx context.Context) (document []byte, err error) {
	model, err := attestlm.BundledModel() // or attestlm.OpenModel(ctx, "model.gguf", attestlm.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	session, err := model.NewSession(attestlm.Options{})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	signer, err := attestlm.NewRandomSigner()
	if err != nil {
		return nil, err
	}
	defer signer.Close()

	answer, err := session.Generate(ctx, attestlm.Request{
		Messages: []attestlm.Message{{Role: "user", Content: "Tom has 12 apples. Anna gives him 7 more. " +
			"He eats 5 apples. How many apples does Tom have now?"}},
		Temperature: "0.7",
		Seed:        "7",
	}, signer)
	if err != nil {
		return nil, err
	}
	defer answer.Receipt.Close()
	fmt.Println(answer.Finish)
	return answer.Receipt.JSON(true)
}

func judge(ctx context.Context, document []byte, model *attestlm.Model, request *attestlm.Request) error {
	receipt, err := attestlm.ParseReceipt(document)
	if err != nil {
		return err
	}
	defer receipt.Close()
	report, err := receipt.Verify(ctx, attestlm.VerifyOptions{Model: model, Request: request})
	if err != nil {
		return err
	}
	if report.Verdict.Name != attestlm.Verified {
		return fmt.Errorf("%s: %s%s", report.Verdict.Name, report.Verdict.What, report.Verdict.Why)
	}
	fmt.Println("verified; not compared:", len(report.NotCompared))
	return nil
}

func numerics(model *attestlm.Model) error {
	session, err := model.NewSession(attestlm.Options{Profile: "fast"}) // stock llama.cpp: close, not equal
	if err != nil {
		return err
	}
	defer session.Close()
	info, err := session.Info()
	if err != nil {
		return err
	}
	fmt.Println(info.Profile)
	if info.Unattested != nil {
		fmt.Println("no receipts:", info.Unattested)
	}
	return nil
}

func stream(ctx context.Context, session *attestlm.Session, request attestlm.Request) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for event, err := range session.Stream(ctx, request, nil) {
		if errors.Is(err, context.DeadlineExceeded) {
			return errors.New("it took too long")
		}
		if err != nil {
			return err
		}
		fmt.Print(event.Text)
	}
	return nil
}

func refused(ctx context.Context, session *attestlm.Session) {
	_, err := session.Start(ctx, attestlm.Request{Prompt: "1", Temperature: "101"}, nil)
	var found *attestlm.Error
	if errors.Is(err, attestlm.ErrArgument) && errors.As(err, &found) {
		fmt.Println(found.Field)
	}
}

// serve answers each request with a receipt.
func serve(session *attestlm.Session, signer *attestlm.Signer) http.HandlerFunc {
	return func(response http.ResponseWriter, asked *http.Request) {
		var request attestlm.Request
		if err := json.NewDecoder(http.MaxBytesReader(response, asked.Body, 1<<20)).Decode(&request); err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := session.Generate(asked.Context(), request, signer)
		if errors.Is(err, attestlm.ErrArgument) || errors.Is(err, attestlm.ErrGrammar) || errors.Is(err, attestlm.ErrTemplate) {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		if err != nil {
			http.Error(response, "no answer", http.StatusInternalServerError)
			return
		}
		defer answer.Receipt.Close()
		document, err := answer.Receipt.JSON(true)
		if err != nil {
			http.Error(response, "no receipt", http.StatusInternalServerError)
			return
		}
		response.Header().Set("Content-Type", "application/json")
		response.Write(document)
	}
}

// prepare answers in the name of a wallet's address: the receipt, to be kept, and what the wallet is asked to sign.
func prepare(ctx context.Context, session *attestlm.Session, request attestlm.Request, address attestlm.Address) (
	document, typedData []byte, err error) {
	signer, err := attestlm.NewExternalSigner(address)
	if err != nil {
		return nil, nil, err
	}
	defer signer.Close()
	answer, err := session.Generate(ctx, request, signer)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Receipt.Close()
	if document, err = answer.Receipt.JSON(true); err != nil {
		return nil, nil, err
	}
	typedData, err = answer.Receipt.TypedData()
	return document, typedData, err
}

// complete adds the wallet's signature, whenever it comes.
func complete(document, signature []byte) ([]byte, error) {
	receipt, err := attestlm.ParseReceipt(document)
	if err != nil {
		return nil, err
	}
	defer receipt.Close()
	if err := receipt.Sign(signature); err != nil {
		return nil, err
	}
	return receipt.JSON(true)
}

func score(ctx context.Context, session *attestlm.Session, signer *attestlm.Signer, model *attestlm.Model) error {
	score, err := session.Score(ctx, attestlm.Request{Prompt: "Tom has 2"}, attestlm.Continuation{Text: " apples"}, signer)
	if err != nil {
		return err
	}
	defer score.Receipt.Close()
	address, err := signer.Address()
	if err != nil {
		return err
	}
	report, err := score.Receipt.Verify(ctx, attestlm.VerifyOptions{Model: model,
		Terms: attestlm.Terms{Scored: true, Signer: &address}})
	if err != nil {
		return err
	}
	fmt.Println(report.Verdict.Name, *report.Signer == address)
	return nil
}

func sessionOf(model *attestlm.Model, err error) (*attestlm.Model, *attestlm.Session) {
	if err != nil {
		panic(err)
	}
	session, err := model.NewSession(attestlm.Options{})
	if err != nil {
		panic(err)
	}
	return model, session
}

func Example() {
	document, err := ask(context.Background())
	if err != nil {
		panic(err)
	}
	model, err := attestlm.BundledModel()
	if err != nil {
		panic(err)
	}
	defer model.Close()
	if err := judge(context.Background(), document, model, nil); err != nil {
		panic(err)
	}
	// Output:
	// end of generation
	// verified; not compared: 12
}

func ExampleSession_Stream() {
	model, session := sessionOf(attestlm.BundledModel())
	defer model.Close()
	defer session.Close()
	if err := stream(context.Background(), session, attestlm.Request{Prompt: "Tom has 2", Grammar: `root ::= " apples"`}); err != nil {
		panic(err)
	}
	// Output:
	//  apples
}

func ExampleSession_Info() {
	model, err := attestlm.BundledModel()
	if err != nil {
		panic(err)
	}
	defer model.Close()
	if err := numerics(model); err != nil {
		panic(err)
	}
	// Output:
	// llama-cpp-sys-2-0.1.161/x86-64-v3/fast-1
}

func ExampleRequest_UnmarshalJSON() {
	model, session := sessionOf(attestlm.BundledModel())
	defer model.Close()
	defer session.Close()
	signer, err := attestlm.NewRandomSigner()
	if err != nil {
		panic(err)
	}
	defer signer.Close()
	post := func(body string) *httptest.ResponseRecorder {
		response := httptest.NewRecorder()
		serve(session, signer)(response, httptest.NewRequest("POST", "/", strings.NewReader(body)))
		return response
	}
	answer := post(`{"prompt":"Tom has 2","maxTokens":3,"temperature":0.7,"seed":7}`)
	fmt.Println(answer.Code)
	if err := judge(context.Background(), answer.Body.Bytes(), model, nil); err != nil {
		panic(err)
	}
	refusal, _, _ := strings.Cut(post(`{"prompt":"Tom has 2","max_tokens":3}`).Body.String(), ";")
	fmt.Println(refusal)
	fmt.Println(post(`{"prompt":`).Code)
	// Output:
	// 200
	// verified; not compared: 12
	// attestlm: max_tokens: unknown field
	// 400
}

func ExampleReceipt_Sign() {
	ctx := context.Background()
	model, session := sessionOf(attestlm.BundledModel())
	defer model.Close()
	defer session.Close()
	wallet, err := attestlm.NewRandomSigner()
	if err != nil {
		panic(err)
	}
	defer wallet.Close()
	address, err := wallet.Address()
	if err != nil {
		panic(err)
	}
	request := attestlm.Request{Prompt: "Tom has 2", MaxTokens: 3, Nonce: &attestlm.Hash{1}, IssuedAt: 1}
	document, typedData, err := prepare(ctx, session, request, address)
	if err != nil {
		panic(err)
	}
	// The same statement, signed with the wallet's key.
	answer, err := session.Generate(ctx, request, wallet)
	if err != nil {
		panic(err)
	}
	defer answer.Receipt.Close()
	statement, err := answer.Receipt.TypedData()
	if err != nil {
		panic(err)
	}
	fmt.Println(string(typedData) == string(statement))
	text, err := answer.Receipt.JSON(true)
	if err != nil {
		panic(err)
	}
	var signed struct{ Signature string }
	if err := json.Unmarshal(text, &signed); err != nil {
		panic(err)
	}
	signature, err := hex.DecodeString(strings.TrimPrefix(signed.Signature, "0x"))
	if err != nil {
		panic(err)
	}
	if document, err = complete(document, signature); err != nil {
		panic(err)
	}
	if err := judge(ctx, document, model, &request); err != nil {
		panic(err)
	}
	// Output:
	// true
	// verified; not compared: 8
}

func ExampleSession_Score() {
	model, session := sessionOf(attestlm.BundledModel())
	defer model.Close()
	defer session.Close()
	signer, err := attestlm.NewRandomSigner()
	if err != nil {
		panic(err)
	}
	defer signer.Close()
	if err := score(context.Background(), session, signer, model); err != nil {
		panic(err)
	}
	// Output:
	// verified true
}

func ExampleError() {
	model, session := sessionOf(attestlm.BundledModel())
	defer model.Close()
	defer session.Close()
	refused(context.Background(), session)
	// Output:
	// temperature
}

// The README shows what the examples above run.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) != 8 {
		t.Errorf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(string(code), "\n"+block) {
			t.Errorf("no example runs\n%s", block)
		}
	}
}
