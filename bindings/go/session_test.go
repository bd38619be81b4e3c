package attestlm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

func TestInfo(t *testing.T) {
	info, err := theModel(t).Info()
	if err != nil {
		t.Fatal(err)
	}
	session := newSession(t, Options{ContextTokens: 128, Streams: 2, Ubatch: 32, Threads: 1})
	made, err := session.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Architecture == "" || info.Vocabulary == 0 || info.Parameters == 0 || len(info.TensorTypes) == 0 ||
		info.Attestable.Exact1 != nil || info.Attestable.Exact2 != nil || info.ChatTemplateError != nil {
		t.Errorf("%+v", info)
	}
	if made.Model != info.SHA256 || made.Adapter != nil || made.Unattested != nil || made.ContextTokens != 128 ||
		made.Streams != 2 || made.Ubatch != 32 || made.Threads != 1 {
		t.Errorf("%+v", made)
	}
	profiles, err := ProfileInfo()
	if err != nil {
		t.Fatal(err)
	}
	if profiles.KnownAnswerTest != nil || !slices.ContainsFunc(profiles.Profiles, func(profile Profile) bool {
		return profile.Name == "exact-2" && profile.ID == made.Profile
	}) {
		t.Errorf("%+v", profiles)
	}
}

func TestErrorsNameTheField(t *testing.T) {
	_, err := theModel(t).NewSession(Options{Streams: 65})
	answered(t, err, ErrArgument, "streams", "")
	session := newSession(t, Options{})
	_, err = session.Generate(background, Request{Prompt: "1", Temperature: "101"}, nil)
	answered(t, err, ErrArgument, "temperature", "")
	_, err = session.Generate(background, Request{Prompt: "1", Temperature: "warm"}, nil)
	answered(t, err, ErrArgument, "request", "warm")
	_, err = session.Generate(background, Request{Prompt: "1", Choices: 2, Temperature: "1"}, nil)
	answered(t, err, ErrArgument, "choices", "GenerateAll")
	_, err = session.Generate(background, Request{JSON: []byte(`{"prompt":"1","choices":2,"temperature":1}`)}, nil)
	answered(t, err, ErrArgument, "choices", "GenerateAll")
	_, err = session.Generate(background, Request{Prompt: "1", Grammar: "root ="}, nil)
	if !errors.Is(err, ErrGrammar) {
		t.Error(err)
	}
}

// What Rust answers in JSON is the same error.
func TestErrorJSON(t *testing.T) {
	text := `{"kind":"grammar","field":"schema","message":"why"}`
	var err Error
	if failed := json.Unmarshal([]byte(text), &err); failed != nil {
		t.Fatal(failed)
	}
	written, failed := json.Marshal(&err)
	if failed != nil || string(written) != text || !errors.Is(&err, ErrGrammar) || err.Error() != "attestlm: schema: why" {
		t.Errorf("%s, %v: %v", written, &err, failed)
	}
	if json.Unmarshal([]byte(`{"kind":"unheard of"}`), &err) == nil {
		t.Error("an unknown kind was read")
	}
}

func TestAnotherLibraryIsRefused(t *testing.T) {
	if err := matches(3, 3, "0.1.7", "0.1.0"); err != nil {
		t.Error(err)
	}
	for _, err := range []error{matches(4, 3, "0.1.0", "0.1.0"), matches(3, 3, "0.2.0", "0.1.0")} {
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "compiled for 0.1.0 with interface 3") {
			t.Error(err)
		}
	}
	if Version() == "" || !HasFeature("engine") || !HasFeature("bundled") || HasFeature("magic") {
		t.Error(Version())
	}
}

// A stream's texts are the answer's, and its tokens can be proven.
func TestStream(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	request := Request{Messages: []Message{{"user", "What is 7 + 5?"}}, MaxTokens: 60}
	var text strings.Builder
	var answer *Answer
	for event, err := range session.Stream(background, request, signer) {
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(event.Text)
		if event.Kind == EventDone {
			answer = event.Answer
			if event.Finish != answer.Finish || event.OutputCount != uint64(len(answer.Tokens)) {
				t.Errorf("%+v, %+v", event, answer)
			}
		}
	}
	if answer == nil || answer.Text == "" || text.String() != answer.Text || answer.PromptCount == 0 {
		t.Fatalf("%q: %+v", text.String(), answer)
	}
	defer answer.Receipt.Close()
	report, err := answer.Receipt.Verify(background, VerifyOptions{Model: theModel(t), Request: &request})
	if err != nil || report.Verdict.Name != Verified {
		t.Errorf("%+v: %v", report, err)
	}
}

// A loop that is left cancels: the session's one stream is free for the next request.
func TestStreamLeftEarly(t *testing.T) {
	session := newSession(t, Options{ContextTokens: 2000})
	start := time.Now()
	for range 20 {
		for event, err := range session.Stream(background, long(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if event.Kind == EventText {
				break
			}
		}
	}
	one := 0
	for _, err := range session.Stream(background, Request{Prompt: "1", MaxTokens: 1}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		one++
	}
	if one == 0 || time.Since(start) > 10*time.Second {
		t.Error(one, time.Since(start))
	}
}

// long is a request that goes on for seconds, if nobody cancels it.
func long() Request {
	return Request{Prompt: "1", MaxTokens: 1900, IgnoreEOG: true}
}

func TestChoices(t *testing.T) {
	session, signer := newSession(t, Options{Streams: 3}), newTestSigner(t)
	request := Request{Prompt: "1 +", Choices: 3, Temperature: "1", Seed: "4", MaxTokens: 5}
	answers, err := session.GenerateAll(background, request, signer)
	if err != nil || len(answers) != 3 {
		t.Fatal(answers, err)
	}
	for i, answer := range answers {
		if int(answer.Choice) != i || answer.Receipt == nil {
			t.Errorf("%d: %+v", i, answer)
		}
		answer.Receipt.Close()
	}
	plain, err := session.GenerateAll(background, request, nil)
	if err != nil || plain[0].Receipt != nil || plain[2].Text != answers[2].Text {
		t.Error(plain, err)
	}
}

// Each token comes with its log-probability, which is what a score says of it, and with as many of the likeliest.
func TestLogprobs(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	request := Request{Prompt: "Tom has 2 apples", MaxTokens: 8, IgnoreEOG: true}
	plain, err := session.Generate(background, request, nil)
	if err != nil || plain.Logprobs != nil {
		t.Fatalf("%+v: %v", plain, err)
	}
	score, err := session.Score(background, request, Continuation{Tokens: plain.Tokens}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, count := range []uint32{0, 1, 20} {
		asked := request
		asked.Logprobs = &count
		answer, err := session.Generate(background, asked, signer)
		if err != nil || len(answer.Logprobs) != 8 || answer.Text != plain.Text {
			t.Fatalf("%+v: %v", answer, err)
		}
		for i, found := range answer.Logprobs {
			if found.Token != answer.Tokens[i] || found.Logprob != score.Tokens[i].Logprob || len(found.Likeliest) != int(count) {
				t.Errorf("%d: %+v, not %+v", i, found, score.Tokens[i])
			}
			if count > 0 && !reflect.DeepEqual(found.Likeliest[0], found.TokenLogprob) { // drawn greedily
				t.Errorf("%d: %+v", i, found)
			}
			for j := 1; j < len(found.Likeliest); j++ {
				if found.Likeliest[j].Logprob > found.Likeliest[j-1].Logprob {
					t.Errorf("%d: %+v", i, found)
				}
			}
		}
		report, err := answer.Receipt.Verify(background, VerifyOptions{Model: theModel(t), Request: &request})
		if err != nil || report.Verdict.Name != Verified {
			t.Errorf("%+v: %v", report, err)
		}
		answer.Receipt.Close()
	}
	many := uint32(21)
	_, err = session.Generate(background, Request{Prompt: "1", Logprobs: &many}, nil)
	answered(t, err, ErrArgument, "logprobs", "")
}

func TestGeneration(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 4, IgnoreEOG: true}, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer generation.Close()
	_, err = generation.Answer(0)
	answered(t, err, ErrArgument, "choice", "")
	// Steps of no time each: some give no event.
	idle := 0
	for {
		_, ok, err := generation.Poll(0)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			idle++
		}
	}
	answer, err := generation.Answer(0)
	if err != nil || len(answer.Tokens) != 4 {
		t.Fatalf("%+v: %v", answer, err)
	}
	defer answer.Receipt.Close()
	other, err := session.Generate(background, Request{Prompt: "2", MaxTokens: 4, IgnoreEOG: true}, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Receipt.Close()
	for _, withDigest := range []bool{true, false} {
		proof, err := generation.ProveToken(0, 3, withDigest)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Receipt.CheckProof(proof); err != nil {
			t.Error(err)
		}
		if err := other.Receipt.CheckProof(proof); !errors.Is(err, ErrReceipt) {
			t.Error(err)
		}
	}
	if _, err := generation.ProveToken(0, 4, true); !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
	if _, err := generation.Next(background); err != io.EOF {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	session, signer := newSession(t, Options{ContextTokens: 512}), newTestSigner(t)
	request := Request{Prompt: "1", MaxTokens: 480, IgnoreEOG: true}
	for name, cancel := range map[string]func(*Generation) error{
		"generation": (*Generation).Cancel,
		"session":    func(*Generation) error { return session.Cancel() },
	} {
		generation, err := session.Start(background, request, signer)
		if err != nil {
			t.Fatal(err)
		}
		last := Event{}
		for {
			event, err := generation.Next(background)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if last = event; event.Kind == EventText {
				if err := cancel(generation); err != nil {
					t.Fatal(err)
				}
			}
		}
		if last.Finish != "cancelled" {
			t.Errorf("%s: %+v", name, last)
		}
		// A prefix is signed, and only asked for is it accepted.
		receipt, err := generation.Receipt(0)
		if err != nil {
			t.Fatal(err)
		}
		for allow, expected := range map[bool]string{false: Invalid, true: Verified} {
			report, err := receipt.Verify(background, VerifyOptions{Model: theModel(t), Terms: Terms{AllowPrefix: allow}})
			if err != nil || report.Verdict.Name != expected || report.Verdict.PrefixOnly != allow {
				t.Errorf("%s: %+v: %v", name, report, err)
			}
		}
		receipt.Close()
		generation.Close()
	}
	if err := session.Forget(background); err != nil {
		t.Error(err)
	}
}

// The end of a context is seen within 100 ms: while tokens are drawn, while a long prompt is read, in a score, and before
// anything began.
func TestContextEnds(t *testing.T) {
	session := newSession(t, Options{ContextTokens: 16384})
	tokens := make([]uint32, 16000)
	for i := range tokens {
		tokens[i] = 70 + uint32(i%7)
	}
	prompt := Request{PromptTokens: tokens, MaxTokens: 1}
	generate := func(request Request) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := session.Generate(ctx, request, nil)
			return err
		}
	}
	for name, call := range map[string]func(context.Context) error{
		"decode":  generate(Request{Prompt: "1", MaxTokens: 16000, IgnoreEOG: true}),
		"prefill": generate(prompt),
		"score": func(ctx context.Context) error {
			_, err := session.Score(ctx, prompt, Continuation{Text: "1"}, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(background)
			ended := make(chan time.Time, 1)
			time.AfterFunc(200*time.Millisecond, func() {
				ended <- time.Now()
				cancel()
			})
			if err := call(ctx); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			late := time.Since(<-ended)
			t.Log(late)
			if late > 100*time.Millisecond {
				t.Errorf("%v late", late)
			}
			if err := call(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			ctx, cancel = context.WithTimeout(background, 50*time.Millisecond)
			defer cancel()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			// The session goes on, and at once.
			start := time.Now()
			if _, err := session.Generate(background, Request{Prompt: "1", MaxTokens: 1}, nil); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("the next answer took %v", took)
			}
		})
	}
}

// A context that ends is seen beside a score of another goroutine, which ends only then, and is not cancelled.
func TestContextEndsBesideAScore(t *testing.T) {
	session := newSession(t, Options{ContextTokens: 4096, Streams: 2})
	tokens := make([]uint32, 4000)
	for i := range tokens {
		tokens[i] = 70 + uint32(i%7)
	}
	generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 100, IgnoreEOG: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	scored := make(chan error)
	go func() {
		_, err := session.Score(background, Request{PromptTokens: tokens}, Continuation{Text: "1"}, nil)
		scored <- err
	}()
	time.Sleep(100 * time.Millisecond)
	for name, call := range map[string]func(context.Context) error{
		"next": func(ctx context.Context) error {
			_, err := generation.Next(ctx)
			return err
		},
		"start": func(ctx context.Context) error {
			_, err := session.Generate(ctx, Request{Prompt: "2", MaxTokens: 1}, nil)
			return err
		},
		"score": func(ctx context.Context) error {
			_, err := session.Score(ctx, Request{Prompt: "2"}, Continuation{Text: "1"}, nil)
			return err
		},
		"forget": session.Forget,
	} {
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		start := time.Now()
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if late := time.Since(start) - 20*time.Millisecond; late > 100*time.Millisecond {
			t.Errorf("%s: %v late", name, late)
		}
		noneLeft(t, before)
		cancel()
	}
	select {
	case err := <-scored:
		t.Fatalf("the score was over before: %v", err)
	default:
	}
	generation.Close()
	if err := <-scored; err != nil {
		t.Error(err)
	}
}

func TestScore(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	request := Request{Prompt: "Tom has 2 apples"}
	score, err := session.Score(background, request, Continuation{Text: " <&>"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer score.Receipt.Close()
	var text string
	var ids []uint32
	sum := 0.0
	for _, token := range score.Tokens {
		text += string(token.Bytes)
		ids = append(ids, token.Token)
		sum += token.Logprob
	}
	if text != " <&>" || score.PromptCount == 0 || sum >= 0 || score.Logprob-sum > 1e-9 || sum-score.Logprob > 1e-9 {
		t.Errorf("%q: %+v", text, score)
	}
	again, err := session.Score(background, request, Continuation{Tokens: ids}, nil)
	if err != nil || again.Logprob != score.Logprob || again.Receipt != nil {
		t.Errorf("%+v: %v", again, err)
	}
	_, err = session.Score(background, request, Continuation{Tokens: []uint32{}}, nil)
	if !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
	for scored, expected := range map[bool]string{true: Verified, false: Invalid} {
		report, err := score.Receipt.Verify(background, VerifyOptions{Model: theModel(t), Terms: Terms{Scored: scored}})
		if err != nil || report.Verdict.Name != expected {
			t.Errorf("%+v: %v", report, err)
		}
	}
}

// Eight goroutines on one session get what one alone gets.
func TestGoroutinesShareASession(t *testing.T) {
	request := func(i int) Request {
		return Request{Prompt: fmt.Sprintf("%d + 1 =", i), MaxTokens: 20, IgnoreEOG: true, Temperature: "0.8", Seed: "5"}
	}
	alone, session := newSession(t, Options{}), newSession(t, Options{Streams: 4})
	signer := newTestSigner(t)
	var all sync.WaitGroup
	for i := range 8 {
		expected, err := alone.Generate(background, request(i), nil)
		if err != nil {
			t.Fatal(err)
		}
		all.Add(1)
		go func() {
			defer all.Done()
			for range 5 {
				answer, err := session.Generate(background, request(i), signer)
				if err != nil || answer.Text != expected.Text {
					t.Errorf("%+v: %v", answer, err)
					return
				}
				if _, err := answer.Receipt.JSON(true); err != nil {
					t.Error(err)
				}
				answer.Receipt.Close()
				if _, err := session.Score(background, request(i), Continuation{Text: "2"}, nil); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
}

// Eight goroutines on one generation: one is in Next, the others are told.
func TestGoroutinesShareAGeneration(t *testing.T) {
	session := newSession(t, Options{})
	generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 200, IgnoreEOG: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer generation.Close()
	var all sync.WaitGroup
	var mutex sync.Mutex
	events, busy := 0, 0
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				_, err := generation.Next(background)
				mutex.Lock()
				if err == nil {
					events++
				} else if errors.Is(err, ErrBusy) {
					busy++
				}
				mutex.Unlock()
				if err == io.EOF {
					return
				}
				if err != nil && !errors.Is(err, ErrBusy) {
					t.Error(err)
					return
				}
				if err != nil {
					time.Sleep(100 * time.Microsecond)
				}
			}
		}()
	}
	all.Wait()
	if answer, err := generation.Answer(0); err != nil || len(answer.Tokens) != 200 || events < 2 || busy == 0 {
		t.Errorf("%+v, %d events, %d times busy: %v", answer, events, busy, err)
	}
}

func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// A thousand generations, with and without Close, leave no memory behind.
func TestMemoryStaysFlat(t *testing.T) {
	session, signer := newSession(t, Options{ContextTokens: 256}), newTestSigner(t)
	generations := func(count int) {
		for i := range count {
			answer, err := session.Generate(background, Request{Prompt: fmt.Sprint(i), MaxTokens: 2, IgnoreEOG: true}, signer)
			if err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				answer.Receipt.Close()
			}
		}
		runtime.GC()
	}
	generations(300)
	before := resident(t)
	generations(1000)
	after := resident(t)
	t.Logf("%d MiB before, %d after", before>>20, after>>20)
	if after > before+before/20 {
		t.Errorf("%d bytes before, %d after", before, after)
	}
}

// The text of a schema is committed to: the fields of a Request hand it in as it was given.
func TestSchemaTextIsKept(t *testing.T) {
	session, signer := newSession(t, Options{}), newTestSigner(t)
	nonce, schema := Hash{1}, `{"const":"<&>"}`
	raw := fmt.Sprintf(`{"prompt":"1","schema":%s,"nonce":"%s","issuedAt":"7"}`, schema, nonce)
	var documents []string
	for _, request := range []Request{
		{JSON: []byte(raw)},
		{Prompt: "1", Schema: []byte(schema), Nonce: &nonce, IssuedAt: 7},
	} {
		answer, err := session.Generate(background, request, signer)
		if err != nil {
			t.Fatal(err)
		}
		document, err := answer.Receipt.JSON(true)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(document))
		answer.Receipt.Close()
	}
	if documents[0] != documents[1] {
		t.Errorf("%s\n%s", documents[0], documents[1])
	}
}
