package attestlm

import (
	"sync"
	"testing"
)

var bundled = sync.OnceValues(BundledModel)

func theModel(t testing.TB) *Model {
	t.Helper()
	model, err := bundled()
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func newSession(t testing.TB, options Options) *Session {
	t.Helper()
	session, err := theModel(t).NewSession(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func sessionOf(t *testing.T, text []byte) *Session {
	t.Helper()
	var options Options
	strictly(t, text, &options)
	return newSession(t, options)
}

func newTestSigner(t testing.TB) *Signer {
	t.Helper()
	signer, err := NewRandomSigner()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { signer.Close() })
	return signer
}
