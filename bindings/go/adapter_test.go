package attestlm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// adapterFile is a LoRA adapter of rank 1 of the first layer's ffn_up, every weight 1.
func adapterFile(inputs, outputs int) []byte {
	var file, data bytes.Buffer
	put := func(values ...any) {
		for _, value := range values {
			if text, ok := value.(string); ok {
				_ = binary.Write(&file, binary.LittleEndian, uint64(len(text)))
				value = []byte(text)
			}
			_ = binary.Write(&file, binary.LittleEndian, value)
		}
	}
	const isString, isF32 = uint32(8), uint32(6)
	put([]byte("GGUF"), uint32(3), uint64(2), uint64(4))
	put("general.architecture", isString, "llama", "general.type", isString, "adapter")
	put("adapter.type", isString, "lora", "adapter.lora.alpha", isF32, float32(1))
	for _, tensor := range []struct {
		name          string
		width, height int
	}{{"blk.0.ffn_up.weight.lora_a", inputs, 1}, {"blk.0.ffn_up.weight.lora_b", 1, outputs}} {
		put(tensor.name, uint32(2), uint64(tensor.width), uint64(tensor.height), uint32(0), uint64(data.Len()))
		for range tensor.width * tensor.height {
			_ = binary.Write(&data, binary.LittleEndian, float32(1))
		}
		data.Write(make([]byte, -data.Len()&31))
	}
	put(make([]byte, -file.Len()&31), data.Bytes())
	return file.Bytes()
}

// An adapter changes the answer, is named in the receipt, and is needed to judge it.
func TestAdapter(t *testing.T) {
	model, signer := theModel(t), newTestSigner(t)
	info, err := model.Info()
	if err != nil {
		t.Fatal(err)
	}
	open := func(file []byte) (*Adapter, error) {
		path := filepath.Join(t.TempDir(), "adapter.gguf")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return model.OpenAdapter(path)
	}
	if _, err := open(adapterFile(3, 5)); !errors.Is(err, ErrModel) {
		t.Error(err)
	}
	file := adapterFile(int(info.Embedding), int(info.FeedForward))
	adapter, err := open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer adapter.Close()
	hash, err := adapter.SHA256()
	if err != nil || hash != Hash(sha256.Sum256(file)) {
		t.Error(hash, err)
	}
	session := newSession(t, Options{Adapter: adapter})
	made, err := session.Info()
	if err != nil || made.Adapter == nil || *made.Adapter != hash {
		t.Errorf("%+v: %v", made, err)
	}
	request := Request{Prompt: "Tom has 2 apples", MaxTokens: 8, IgnoreEOG: true}
	with, err := session.Generate(background, request, signer)
	if err != nil {
		t.Fatal(err)
	}
	defer with.Receipt.Close()
	without, err := newSession(t, Options{}).Generate(background, request, nil)
	if err != nil || without.Text == with.Text {
		t.Errorf("%q with, %q without: %v", with.Text, without.Text, err)
	}
	for name, test := range map[string]struct {
		adapter *Adapter
		expect  *Hash
		verdict string
	}{
		"with":           {adapter, &hash, Verified},
		"without":        {nil, &hash, Unverifiable},
		"none expected":  {adapter, &Hash{}, Invalid},
		"none mentioned": {adapter, nil, Verified},
	} {
		report, err := with.Receipt.Verify(background, VerifyOptions{Model: model, Adapter: test.adapter, Terms: Terms{Adapter: test.expect}})
		if err != nil || report.Verdict.Name != test.verdict {
			t.Errorf("%s: %+v: %v", name, report, err)
		}
	}
}
