package graph

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"cohort/graph/generated"
)

// BenchmarkLimits measures what the limits add to a request for a page of 50 groups: to one whose document is known,
// which is held against the complexity alone, and to the first one with it. The whole request takes some 500 µs.
func BenchmarkLimits(b *testing.B) {
	const page = `query Groups($after: String) { groups(first: 50, after: $after) { nodes { name description directMemberCount memberCount } pageInfo { hasNextPage endCursor } } }`
	limits, schema := DefaultLimits(), generated.NewExecutableSchema(generated.Config{}).Schema()
	doc, err := parser.ParseQuery(&ast.Source{Input: page})
	if err != nil {
		b.Fatal(err)
	}
	variables := map[string]any{"after": nil}
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			if _, wrong := limits.checkComplexity(schema, doc, doc.Operations[0], variables); wrong != nil {
				b.Fatal(wrong)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			tokens, document := limits.checkTokens(page), limits.checkDocument(doc)
			if _, wrong := limits.checkComplexity(schema, doc, doc.Operations[0], variables); tokens != nil || document != nil || wrong != nil {
				b.Fatal(tokens, document, wrong)
			}
		}
	})
}
