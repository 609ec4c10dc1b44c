package main

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
)

func TestGenerate(t *testing.T) {
	for _, row := range []struct {
		name, values, want string
	}{
		{"types come from the defaults", "a: text\nb: true\nc: 1\nd: 1.5\ne: []\nf: {}\n",
			`{"a": {"type": "string"}, "b": {"type": "boolean"}, "c": {"type": "integer"}, "d": {"type": "number"},
			  "e": {"type": "array"}, "f": {"type": "object"}}`},
		{"a mapping with keys takes no others", "image:\n  tag: \"\"\n",
			`{"image": {"type": "object", "additionalProperties": false, "properties": {"tag": {"type": "string"}}}}`},
		{"a description may go over several lines", "# Not this.\n\n# Nor this.\n# -- How many\n# there are.\nreplicas: 1\n",
			`{"replicas": {"type": "integer", "description": "How many there are."}}`},
		{"an annotation adds keywords and is no part of the description", "# @schema {enum: [Always, Never]}\n# -- When.\npolicy: Always\n",
			`{"policy": {"type": "string", "enum": ["Always", "Never"], "description": "When."}}`},
		{"an annotation wins over what the default tells", "# @schema {additionalProperties: {type: string}, type: [object, \"null\"]}\nlabels: {}\n",
			`{"labels": {"type": ["object", "null"], "additionalProperties": {"type": "string"}}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			var want map[string]any
			g.Expect(json.Unmarshal([]byte(row.want), &want)).To(Succeed())
			want["global"] = map[string]any{"type": "object"}

			out, err := Generate([]byte(row.values))
			g.Expect(err).NotTo(HaveOccurred())
			var got map[string]any
			g.Expect(json.Unmarshal(out, &got)).To(Succeed())
			g.Expect(got).To(HaveKeyWithValue("additionalProperties", false))
			g.Expect(got).To(HaveKeyWithValue("properties", want))
		})
	}
}

func TestGenerateRefuses(t *testing.T) {
	for _, row := range []struct {
		name, values, want string
	}{
		{"a default that tells no type", "a:\n  b:\n", "line 2: b: a default of type null"},
		{"an alias", "a: &x 1\nb: *x\n", "aliases have no type"},
		{"an annotation that is no mapping", "# @schema [enum]\na: 1\n", "write a mapping in one line"},
		{"values that are a list", "- a\n", "must be one YAML mapping"},
		{"no values at all", "", "must be one YAML mapping"},
		{"what is not YAML", "a: [", "yaml:"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Generate([]byte(row.values))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(row.want)))
		})
	}
}
