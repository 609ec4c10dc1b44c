package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

var errSyntax = &MalformedError{Message: "Syntax errors in policy."}

// object is a JSON object with its keys as written: IAM tells apart "effect"
// and "Effect" and refuses a key that stands twice, encoding/json does neither.
type object struct {
	keys   []string
	values map[string]json.RawMessage
}

func decodeObject(raw []byte) (object, error) {
	o := object{values: map[string]json.RawMessage{}}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return o, errSyntax
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return o, errSyntax
		}
		key, ok := t.(string)
		if !ok {
			return o, errSyntax
		}
		if _, twice := o.values[key]; twice {
			return o, errSyntax
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return o, errSyntax
		}
		o.keys = append(o.keys, key)
		o.values[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return o, errSyntax
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return o, errSyntax
	}
	return o, nil
}

// decodeString reads a JSON string.
func decodeString(raw json.RawMessage) (string, error) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", errSyntax
	}
	return *s, nil
}

// decodeStrings reads a string or a list of strings.
func decodeStrings(raw json.RawMessage) ([]string, error) {
	return decodeList(raw, decodeString)
}

// decodeScalars reads a condition's values, which may be booleans and numbers.
func decodeScalars(raw json.RawMessage) ([]string, error) {
	return decodeList(raw, func(raw json.RawMessage) (string, error) {
		switch raw[0] {
		case '"':
			return decodeString(raw)
		case '{', '[', 'n':
			return "", errSyntax
		default:
			return string(raw), nil
		}
	})
}

func decodeList(raw json.RawMessage, decode func(json.RawMessage) (string, error)) ([]string, error) {
	items := []json.RawMessage{raw}
	if raw[0] == '[' {
		items = nil
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, errSyntax
		}
	}
	values := make([]string, 0, len(items))
	for _, item := range items {
		value, err := decode(item)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}
