package attestlm

import (
	"errors"
	"os"
	"runtime"
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
	var read Address
	if err := read.UnmarshalText([]byte(first.String())); err != nil || read != first {
		t.Error(read, err)
	}
	for _, wrong := range []string{"", "0x", first.String()[2:], first.String() + "00", "0x" + first.String()[3:] + "g"} {
		if err := read.UnmarshalText([]byte(wrong)); !errors.Is(err, ErrArgument) || read != first {
			t.Errorf("%q: %v", wrong, err)
		}
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

// A function that fails, panics, or signs nothing makes no receipt.
func TestCallbackFails(t *testing.T) {
	session := newSession(t, Options{})
	for name, sign := range map[string]SignFunc{
		"fails":         func([32]byte) (signature [65]byte, err error) { return signature, errors.New("no") },
		"panics":        func([32]byte) ([65]byte, error) { panic("on purpose") },
		"signs nothing": func([32]byte) (signature [65]byte, err error) { return signature, nil },
	} {
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
			if !errors.Is(err, ErrSigner) || answer != nil || calls == 0 {
				t.Errorf("%+v, %d calls: %v", answer, calls, err)
			}
			if _, err := signer.Keystore("x"); !errors.Is(err, ErrSigner) {
				t.Error(err)
			}
		})
	}
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

// Unsigned receipts are completed with a signature made elsewhere: here by a callback signer's library.
func TestExternalSigner(t *testing.T) {
	session := newSession(t, Options{})
	address := Address{2}
	signer, err := NewExternalSigner(address)
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	answer, err := session.Generate(background, Request{Prompt: "1", MaxTokens: 1}, signer)
	if err != nil {
		t.Fatal(err)
	}
	receipt := answer.Receipt
	defer receipt.Close()
	if _, err := receipt.JSON(true); !errors.Is(err, ErrSigner) {
		t.Error(err)
	}
	if _, err := receipt.TypedData(); err != nil {
		t.Error(err)
	}
	if err := receipt.Sign(make([]byte, 65)); !errors.Is(err, ErrSigner) {
		t.Error(err)
	}
	stated, err := receipt.Signer()
	if err != nil || stated != address {
		t.Error(stated, err)
	}
	scored, err := session.Score(background, Request{Prompt: "1"}, Continuation{Text: "1"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if stated, err = scored.Receipt.Signer(); err != nil || stated != address {
		t.Error(stated, err)
	}
	scored.Receipt.Close()
}
