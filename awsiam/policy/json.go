package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxDepth is deeper than any policy can be nested: statements, conditions, operator, key, values.
const maxDepth = 16

// object is a JSON object. Other values are []any, string, json.Number, bool and nil.
type object map[string]any

// decode reads one JSON object. Unlike encoding/json it refuses a key that stands twice, as IAM
// does: which of the two counts is anybody's guess.
func decode(document string) (object, error) {
	var syntax *json.SyntaxError
	if err := json.Unmarshal([]byte(document), new(json.RawMessage)); errors.As(err, &syntax) {
		line, column := position(document, syntax.Offset)
		return nil, fmt.Errorf("not JSON at line %d, column %d: %w", line, column, err)
	} else if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(document)))
	decoder.UseNumber()
	value, err := decodeValue(decoder, 0)
	if err != nil {
		line, column := position(document, decoder.InputOffset())
		return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	o, ok := value.(object)
	if !ok {
		return nil, errors.New(`not a JSON object: write {"Version": "2012-10-17", "Statement": [...]}`)
	}
	return o, nil
}

func decodeValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	switch token {
	case json.Delim('{'):
		return decodeMembers(decoder, depth)
	case json.Delim('['):
		items := []any{}
		for decoder.More() {
			item, err := decodeValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err := decoder.Token()
		return items, err
	default:
		return token, nil
	}
}

func decodeMembers(decoder *json.Decoder, depth int) (any, error) {
	o := object{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if _, twice := o[key]; twice {
			return nil, fmt.Errorf("%q stands twice in the same object", key)
		}
		if o[key], err = decodeValue(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return o, err
}

// position returns line and column, from 1, of the character that ends at offset.
func position(document string, offset int64) (line, column int) {
	before := document[:min(max(int(offset)-1, 0), len(document))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndex(before, "\n")
}
