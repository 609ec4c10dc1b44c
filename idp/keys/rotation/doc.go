// Package rotation decides what comes next in the life of a provider's signing keys: it compares what
// the key Secret, the accounts and the replicas say with what they should say, and returns the next
// steps as data. It does nothing itself, and keeps nothing that a restart could lose but time.
//
// A rotation goes through these steps, each account at its own pace: a new key is generated; it is
// published beside the one that signs; once every replica holds it and STS takes what it signs, the
// account switches to it; once nothing signed with the old key can be redeemed any more, the old key
// is taken out of IAM; and once no account needs it, out of the Secret.
package rotation
