package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	annotationMark  = "@schema "
	descriptionMark = "-- "
)

type schema = map[string]any

// Generate returns the JSON schema (draft 7, with a newline at the end) of a values.yaml.
func Generate(values []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(values, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("the values must be one YAML mapping")
	}
	root, err := ofMapping(document.Content[0])
	if err != nil {
		return nil, err
	}
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	// Helm hands it to every chart that is a dependency of another.
	root["properties"].(schema)["global"] = schema{"type": "object"}
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

// ofMapping describes a mapping with keys: those and no others.
func ofMapping(mapping *yaml.Node) (schema, error) {
	properties := schema{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		property, err := ofProperty(key, value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", key.Line, key.Value, err)
		}
		properties[key.Value] = property
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false}, nil
}

func ofProperty(key, value *yaml.Node) (schema, error) {
	property, err := ofValue(value)
	if err != nil {
		return nil, err
	}
	description, annotation, err := parseComment(key.HeadComment)
	if err != nil {
		return nil, err
	}
	if description != "" {
		property["description"] = description
	}
	maps.Copy(property, annotation)
	return property, nil
}

func ofValue(value *yaml.Node) (schema, error) {
	switch value.Kind {
	case yaml.MappingNode:
		if len(value.Content) == 0 {
			return schema{"type": "object"}, nil
		}
		return ofMapping(value)
	case yaml.SequenceNode:
		return schema{"type": "array"}, nil
	case yaml.ScalarNode:
		return ofScalar(value)
	default:
		return nil, fmt.Errorf("aliases have no type: write the value")
	}
}

func ofScalar(value *yaml.Node) (schema, error) {
	types := map[string]string{"!!str": "string", "!!bool": "boolean", "!!int": "integer", "!!float": "number"}
	name, ok := types[value.Tag]
	if !ok {
		return nil, fmt.Errorf("a default of type %s tells no type: write an empty string, list or mapping", strings.TrimPrefix(value.Tag, "!!"))
	}
	return schema{"type": name}, nil
}

// parseComment takes a comment apart: the lines after the last "# --" are the description, a line "# @schema {...}"
// holds keywords of JSON schema in YAML.
func parseComment(comment string) (description string, annotation schema, err error) {
	var words []string
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#"))
		if text, ok := strings.CutPrefix(line, annotationMark); ok {
			if err := yaml.Unmarshal([]byte(text), &annotation); err != nil {
				return "", nil, fmt.Errorf("@schema %s: write a mapping in one line, such as {enum: [a, b]}: %w", text, err)
			}
			continue
		}
		if text, ok := strings.CutPrefix(line, descriptionMark); ok {
			words = []string{text}
		} else if len(words) > 0 {
			words = append(words, line)
		}
	}
	return strings.Join(words, " "), annotation, nil
}
