package attestlm

/*
#include <attestlm.h>
*/
import "C"

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// input lends bytes to a call.
func input(data []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.SliceData(data)), C.size_t(len(data))
}

// output takes over the bytes that a call gave.
func output(data *C.attestlm_bytes_t) []byte {
	defer C.attestlm_bytes_free(data)
	text := (*byte)(C.attestlm_bytes_data(data))
	return bytes.Clone(unsafe.Slice(text, int(C.attestlm_bytes_len(data))))
}

// read decodes the JSON that a call gave, if it did not fail.
func read[T any](status C.attestlm_status_t, data *C.attestlm_bytes_t, err *C.attestlm_error_t) (*T, error) {
	if err := failure(status, err); err != nil {
		return nil, err
	}
	value := new(T)
	if err := json.Unmarshal(output(data), value); err != nil {
		return nil, &Error{ErrInternal, "", err.Error()}
	}
	return value, nil
}

// encode writes what a call takes as JSON, every text as it is. A value that JSON cannot hold is the argument's fault.
func encode(field string, value any) ([]byte, error) {
	if name, found := illFormed("", reflect.ValueOf(value)); found {
		return nil, &Error{ErrArgument, name, "is not UTF-8"}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, &Error{ErrArgument, field, err.Error()}
	}
	return text.Bytes(), nil
}

// illFormed names the first text in a value that is not UTF-8. The encoder would replace what is not by U+FFFD: another
// text, which a receipt would be of.
func illFormed(name string, value reflect.Value) (string, bool) {
	switch value.Kind() {
	case reflect.String:
		return name, !utf8.ValidString(value.String())
	case reflect.Pointer:
		return illFormed(name, value.Elem())
	case reflect.Struct:
		for i := range value.NumField() {
			tag, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
			if tag == "-" {
				continue
			}
			if name != "" {
				tag = name + "." + tag
			}
			if name, found := illFormed(tag, value.Field(i)); found {
				return name, true
			}
		}
	case reflect.Slice:
		switch value.Type().Elem().Kind() {
		case reflect.Uint8:
			return name, !utf8.Valid(value.Bytes())
		case reflect.String, reflect.Struct:
			for i := range value.Len() {
				if name, found := illFormed(fmt.Sprintf("%s[%d]", name, i), value.Index(i)); found {
					return name, true
				}
			}
		}
	}
	return "", false
}
