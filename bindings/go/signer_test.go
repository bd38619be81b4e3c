package attestlm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The key of testdata/keystore.json, whose password is "quickstart", is nobody's.
func TestKeystore(t *testing.T) {
	text, err := os.ReadFile("testdata/keystore.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewKeystoreSigner(text, "another"); !errors.Is(err, ErrSigner) {
		t.Error(err)
	}
	signer, err := NewKeystoreSigner(text, "quickstart")
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	written, err := signer.Keystore("pässword")
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewKeystoreSigner(written, "pässword")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	first, err := signer.Address()
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Address()
	if err != nil || first != second || first == (Address{}) {
		t.Error(first, second, err)
	}
}

func TestKeySigner(t *testing.T) {
	_, err := NewKeySigner(make([]byte, 32))
	if !errors.Is(err, ErrSigner) {
		t.Error(err)
	}
	_, err = NewKeySigner(make([]byte, 31))
	answered(t, err, ErrArgument, "key", "")
	_, err = NewCallbackSigner(Address{1}, nil)
	answered(t, err, ErrArgument, "sign", "")
}

// A function that fails, panics, or signs nothing makes no receipt, and its own error is found in the call's.
func TestCallbackFails(t *testing.T) {
	session := newSession(t, Options{})
	no := errors.New("no")
	hasNo := func(err error) bool { return errors.Is(err, no) && strings.HasSuffix(err.Error(), ": no") }
	panicked := func(err error) *PanicError {
		var found *PanicError
		if !errors.As(err, &found) || !strings.Contains(string(found.Stack), "TestCallbackFails") {
			return nil
		}
		return found
	}
	for name, test := range map[string]struct {
		sign   SignFunc
		expect func(error) bool
	}{
		"fails": {func([32]byte) (signature [65]byte, err error) { return signature, fmt.Errorf("locked: %w", no) }, hasNo},
		"panics": {func([32]byte) ([65]byte, error) { panic("on purpose") }, func(err error) bool {
			found := panicked(err)
			return found != nil && found.Value == "on purpose" && !errors.Is(err, no)
		}},
		"panics with an error": {func([32]byte) ([65]byte, error) { panic(no) }, func(err error) bool {
			return panicked(err) != nil && hasNo(err)
		}},
		"signs nothing": {func([32]byte) (signature [65]byte, err error) { return signature, nil }, func(err error) bool {
			return !errors.Is(err, no)
		}},
	} {
		sign := test.sign
		t.Run(name, func(t *testing.T) {
			calls := 0
			signer, err := NewCallbackSigner(Address{1}, func(digest [32]byte) ([65]byte, error) {
				calls++
				return sign(digest)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer signer.Close()
			address, err := signer.Address()
			if err != nil || address != (Address{1}) {
				t.Error(address, err)
			}
			answer, err := session.Generate(background, Request{Prompt: "1", MaxTokens: 1}, signer)
			var found *Error
			if !errors.Is(err, ErrSigner) || !errors.As(err, &found) || !test.expect(err) || answer != nil || calls != 1 {
				t.Errorf("%+v, %d calls: %v", answer, calls, err)
			}
			score, err := session.Score(background, Request{Prompt: "1"}, Continuation{Text: "1"}, signer)
			if !errors.Is(err, ErrSigner) || !test.expect(err) || score != nil || calls != 2 {
				t.Errorf("%+v, %d calls: %v", score, calls, err)
			}
			generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 1}, signer)
			if err != nil {
				t.Fatal(err)
			}
			defer generation.Close()
			for err == nil {
				_, err = generation.Next(background)
			}
			if _, err := generation.Receipt(0); !errors.Is(err, ErrSigner) || !test.expect(err) {
				t.Error(err)
			}
			if _, err := generation.ProveToken(0, 0, true); !errors.Is(err, ErrSigner) || !test.expect(err) {
				t.Error(err)
			}
			if _, err := signer.Keystore("x"); !errors.Is(err, ErrSigner) {
				t.Error(err)
			}
		})
	}
}

// The session that a function signs for refuses it, and does not wait for itself.
func TestCallbackUsesItsSession(t *testing.T) {
	session := newSession(t, Options{Streams: 2})
	ctx, cancel := context.WithTimeout(background, 10*time.Second)
	defer cancel()
	no, calls := errors.New("no"), 0
	signer, err := NewCallbackSigner(Address{1}, func([32]byte) (signature [65]byte, err error) {
		calls++
		for _, ctx := range []context.Context{background, ctx} {
			_, err := session.Generate(ctx, Request{Prompt: "1"}, nil)
			answered(t, err, ErrArgument, "session", "a signer must not call it")
			_, err = session.Score(ctx, Request{Prompt: "1"}, Continuation{Text: "1"}, nil)
			answered(t, err, ErrArgument, "session", "a signer must not call it")
			answered(t, session.Forget(ctx), ErrArgument, "session", "a signer must not call it")
		}
		return signature, no
	})
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	if _, err := session.Generate(ctx, Request{Prompt: "1", MaxTokens: 1}, signer); !errors.Is(err, no) {
		t.Error(err)
	}
	if _, err := session.Score(ctx, Request{Prompt: "1"}, Continuation{Text: "1"}, signer); !errors.Is(err, no) {
		t.Error(err)
	}
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
	if _, err := session.Score(ctx, Request{Prompt: "1"}, Continuation{Text: "1"}, nil); err != nil {
		t.Error(err)
	}
}

// A function that ends its goroutine ends the process, and says why: the library could not go on.
func TestCallbackExits(t *testing.T) {
	if os.Getenv("ATTESTLM_TEST_GOEXIT") != "" {
		signer, err := NewCallbackSigner(Address{1}, func([32]byte) (signature [65]byte, err error) {
			runtime.Goexit()
			return
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = newSession(t, Options{}).Generate(background, Request{Prompt: "1", MaxTokens: 1}, signer)
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(background, 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestCallbackExits$")
	command.Env = append(os.Environ(), "ATTESTLM_TEST_GOEXIT=1")
	said, err := command.CombinedOutput()
	if err == nil || ctx.Err() != nil || !strings.Contains(string(said), "a SignFunc called runtime.Goexit") {
		t.Errorf("%v: %s", err, said)
	}
}

type unsigned [32]byte

func (u unsigned) Error() string { return fmt.Sprintf("%x is not signed", u[:]) }

// Of requests at once, each with choices, each choice's error is its own: the function's with the digest of its receipt.
func TestCallbackErrorsDoNotCross(t *testing.T) {
	session := newSession(t, Options{Streams: 6})
	address := Address{1}
	external, err := NewExternalSigner(address)
	if err != nil {
		t.Fatal(err)
	}
	defer external.Close()
	signer, err := NewCallbackSigner(address, func(digest [32]byte) (signature [65]byte, err error) {
		return signature, unsigned(digest)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	var all sync.WaitGroup
	for i := range 6 {
		// The choices end at different steps.
		request := Request{Prompt: "1 +", Choices: 3, Temperature: "1", Seed: strconv.Itoa(i), MaxTokens: 30,
			Nonce: &Hash{1, byte(i)}, IssuedAt: 1, ContextTokens: 256}
		answers, err := session.GenerateAll(background, request, external)
		if err != nil {
			t.Fatal(err)
		}
		var expected [3]unsigned
		for choice, answer := range answers {
			digest, err := answer.Receipt.Digest()
			if err != nil {
				t.Fatal(err)
			}
			expected[choice] = digest
			answer.Receipt.Close()
		}
		all.Add(1)
		go func() {
			defer all.Done()
			ended := 0
			for event, err := range session.Stream(background, request, signer) {
				if event.Kind != EventDone {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				ended++
				var found unsigned
				if !errors.Is(err, ErrSigner) || !errors.As(err, &found) || found != expected[event.Choice] {
					t.Errorf("choice %d: %v, not of %x", event.Choice, err, expected[event.Choice])
				}
			}
			if ended != 3 {
				t.Errorf("%d choices ended", ended)
			}
		}()
	}
	all.Wait()
}

// The function is let go of when the signer and the last generation that uses it are closed.
func TestCallbackIsForgotten(t *testing.T) {
	session := newSession(t, Options{})
	var gone atomic.Bool
	signer, generation := func() (*Signer, *Generation) {
		held := new([1 << 16]byte)
		runtime.SetFinalizer(held, func(*[1 << 16]byte) { gone.Store(true) })
		signer, err := NewCallbackSigner(Address{1}, func([32]byte) (signature [65]byte, err error) {
			return signature, errors.New(string(held[:1]))
		})
		if err != nil {
			t.Fatal(err)
		}
		generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 1}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return signer, generation
	}()
	collected := func() bool {
		for range 20 {
			runtime.GC()
			time.Sleep(5 * time.Millisecond)
			if gone.Load() {
				return true
			}
		}
		return false
	}
	signer.Close()
	if collected() {
		t.Error("gone while a generation uses it")
	}
	generation.Close()
	if err := session.Forget(background); err != nil {
		t.Error(err)
	}
	if !collected() {
		t.Error("kept")
	}
}

// Unsigned receipts are written, read elsewhere, and completed with a signature made elsewhere: here with that of a signer
// with the key, of the same statement.
func TestExternalSigner(t *testing.T) {
	session, wallet := newSession(t, Options{}), newTestSigner(t)
	address, err := wallet.Address()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewExternalSigner(address)
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	request := Request{Prompt: "1", MaxTokens: 1, Nonce: &Hash{1}, IssuedAt: 1}
	generated := func(signer *Signer) *Receipt {
		answer, err := session.Generate(background, request, signer)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Receipt
	}
	scored := func(signer *Signer) *Receipt {
		score, err := session.Score(background, request, Continuation{Text: "1"}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return score.Receipt
	}
	for name, receiptOf := range map[string]func(*Signer) *Receipt{"generated": generated, "scored": scored} {
		signed, unsigned := receiptOf(wallet), receiptOf(signer)
		defer signed.Close()
		defer unsigned.Close()
		expected, err := signed.JSON(true)
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := unsigned.JSON(true)
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := parse(t, waiting)
		if stated, err := elsewhere.Signer(); err != nil || stated != address {
			t.Error(name, stated, err)
		}
		terms := Terms{SignatureOnly: true, Scored: name == "scored"}
		report, err := elsewhere.Verify(background, VerifyOptions{Terms: terms})
		if err != nil || report.Verdict.Name != Invalid || report.Signer != nil {
			t.Errorf("%s: %+v: %v", name, report, err)
		}
		if err := elsewhere.Sign(make([]byte, 65)); !errors.Is(err, ErrSigner) {
			t.Error(name, err)
		}
		for _, receipt := range []*Receipt{unsigned, elsewhere} {
			if err := receipt.Sign(signatureOf(t, expected)); err != nil {
				t.Error(name, err)
			}
			if completed, err := receipt.JSON(true); err != nil || string(completed) != string(expected) {
				t.Errorf("%s: %v: %s, not %s", name, err, completed, expected)
			}
		}
	}
}

func signatureOf(t *testing.T, document []byte) []byte {
	t.Helper()
	var signed struct{ Signature string }
	decode(t, document, &signed)
	return fromHex(t, signed.Signature)
}
