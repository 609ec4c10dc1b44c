package exchange

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"attache.dev/attache/idp"
)

// key names an answer.
type key [sha256.Size]byte

// keyOf takes in all that the grant says and all that AWS is told of the subject. Each field goes
// with its length, so that nothing can move from one field to the next unseen.
func keyOf(g idp.Grant, s idp.Subject) key {
	fields := [...]string{
		string(s.Kind), s.Namespace, s.Name, s.String(),
		g.Mapping, g.RoleARN, g.ProviderARN, g.AccountID, g.SessionName,
		strconv.FormatInt(int64(g.Duration), 10), g.Region, g.STSEndpoint,
	}
	b := make([]byte, 0, 1<<10)
	for _, f := range fields {
		b = appendField(b, f)
	}
	b = binary.AppendUvarint(b, uint64(len(g.Tags)))
	for _, t := range g.Tags {
		b = appendField(appendField(b, t.Key), t.Value)
	}
	return sha256.Sum256(b)
}

func appendField(b []byte, f string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(f))), f...)
}
