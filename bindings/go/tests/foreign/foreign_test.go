// Package foreign has receipts judged by go-ethereum, which knows nothing of AttestLM: the document as it is, is EIP-712
// typed data, and its signature the signer's. A module of its own: the binding requires no other.
package foreign

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"attestlm"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

// judge answers the digest and the signer that go-ethereum finds in a document.
func judge(t *testing.T, document []byte) (digest [32]byte, signer [20]byte) {
	t.Helper()
	var typed apitypes.TypedData
	if err := json.Unmarshal(document, &typed); err != nil {
		t.Fatal(err)
	}
	hash, _, err := apitypes.TypedDataAndHash(typed)
	if err != nil {
		t.Fatal(err)
	}
	var signed struct{ Signature string }
	if err := json.Unmarshal(document, &signed); err != nil {
		t.Fatal(err)
	}
	signature, err := hex.DecodeString(strings.TrimPrefix(signed.Signature, "0x"))
	if err != nil || len(signature) != 65 {
		t.Fatalf("signature %q: %v", signed.Signature, err)
	}
	signature[64] -= 27
	key, err := crypto.SigToPub(hash, signature)
	if err != nil {
		t.Fatal(err)
	}
	return [32]byte(hash), crypto.PubkeyToAddress(*key)
}

func TestVectors(t *testing.T) {
	const folder = "../../../../vectors"
	var manifest map[string]struct{ Count int }
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "receipts", "*.json"))
	if err != nil || len(files) == 0 || len(files) != manifest["receipts"].Count {
		t.Fatalf("%d files, %d in the manifest: %v", len(files), manifest["receipts"].Count, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var test struct {
				Document json.RawMessage
				Expect   struct{ Digest, Signer string }
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &test); err != nil {
				t.Fatal(err)
			}
			digest, signer := judge(t, test.Document)
			if found := "0x" + hex.EncodeToString(digest[:]); found != test.Expect.Digest {
				t.Errorf("digest %s, not %s", found, test.Expect.Digest)
			}
			if found := "0x" + hex.EncodeToString(signer[:]); !strings.EqualFold(found, test.Expect.Signer) {
				t.Errorf("signer %s, not %s", found, test.Expect.Signer)
			}
		})
	}
}

// A fresh receipt, for nobody and for a contract, signed here and by go-ethereum.
func TestFreshReceipts(t *testing.T) {
	model, err := attestlm.BundledModel()
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	session, err := model.NewSession(attestlm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	address := attestlm.Address(crypto.PubkeyToAddress(key.PublicKey))
	sign := func(digest [32]byte) (signature [65]byte, err error) {
		text, err := crypto.Sign(digest[:], key)
		return [65]byte(text), err
	}
	wallet, err := attestlm.NewCallbackSigner(address, sign)
	if err != nil {
		t.Fatal(err)
	}
	defer wallet.Close()
	elsewhere, err := attestlm.NewExternalSigner(address)
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	contract := &attestlm.Domain{ChainID: 11155111, VerifyingContract: attestlm.Address{0x11}}
	for _, domain := range []*attestlm.Domain{nil, contract} {
		for name, signer := range map[string]*attestlm.Signer{"callback": wallet, "external": elsewhere} {
			request := attestlm.Request{Prompt: "2 + 2 =", MaxTokens: 3, Domain: domain}
			answer, err := session.Generate(context.Background(), request, signer)
			if err != nil {
				t.Fatal(name, err)
			}
			defer answer.Receipt.Close()
			digest, err := answer.Receipt.Digest()
			if err != nil {
				t.Fatal(err)
			}
			receipt := answer.Receipt
			if signer == elsewhere {
				unsigned, err := receipt.TypedData()
				if err != nil {
					t.Fatal(err)
				}
				waiting, err := receipt.JSON(true)
				if err != nil {
					t.Fatal(err)
				}
				if receipt, err = attestlm.ParseReceipt(waiting); err != nil {
					t.Fatal(err)
				}
				defer receipt.Close()
				var typed apitypes.TypedData
				if err := json.Unmarshal(unsigned, &typed); err != nil {
					t.Fatal(err)
				}
				hash, _, err := apitypes.TypedDataAndHash(typed)
				if err != nil || !bytes.Equal(hash, digest[:]) {
					t.Fatalf("%x, not %x: %v", hash, digest, err)
				}
				signature, err := sign([32]byte(hash))
				if err != nil {
					t.Fatal(err)
				}
				if err := receipt.Sign(signature[:]); err != nil {
					t.Fatal(err)
				}
			}
			document, err := receipt.JSON(true)
			if err != nil {
				t.Fatal(err)
			}
			found, by := judge(t, document)
			if found != digest || by != address {
				t.Errorf("%s: digest %x by %x, not %x by %x", name, found, by, digest, address)
			}
		}
	}
}
