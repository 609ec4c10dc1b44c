package awsiam_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

func TestASnapshotHoldsWhatGetReturns(t *testing.T) {
	for _, row := range []struct {
		name     string
		settings awsfake.Settings
		calls    int
	}{
		{"in one page", awsfake.Settings{}, 2},
		{"in pages of one", awsfake.Settings{PageSize: 1}, 5},
		{"after a page without anything", awsfake.Settings{PageSize: 1, EmptyFirstPage: true}, 7},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t)
			bare := role.Role{
				ARN: "arn:aws:iam::111122223333:role/attache/bare", TrustPolicy: trustOf("a/b"), PermissionsBoundary: boundary, MaxSessionDuration: time.Hour,
				Policies: []string{}, InlinePolicies: map[string]string{}, Tags: map[string]string{},
			}
			w.bring(uploader())
			w.bring(bare)
			w.createForeignRole("/", "elsewhere")
			w.must(w.control.Configure(t.Context(), row.settings))
			w.calls()

			s, err := w.api.Snapshot(t.Context(), "/attache/")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(s.Roles).To(Equal(map[string]role.Role{
				roleARN:  uploader(),
				bare.ARN: bare,
				"arn:aws:iam::111122223333:role/elsewhere": {
					ARN: "arn:aws:iam::111122223333:role/elsewhere", TrustPolicy: trustOf("somebody/else"),
					Policies: []string{}, InlinePolicies: map[string]string{}, Tags: map[string]string{},
				},
			}), "description and duration of a role elsewhere are not known")
			g.Expect(w.calls()).To(HaveLen(row.calls))
			g.Expect(s.Calls).To(Equal(row.calls))
		})
	}
}

func TestASnapshotIsWholeOrNone(t *testing.T) {
	for _, operation := range []string{"GetAccountAuthorizationDetails", "ListRoles"} {
		t.Run(operation, func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t)
			w.bring(uploader())
			w.fault(awsfake.Fault{Operation: operation, Kind: awsfake.FaultDeny})
			s, err := w.api.Snapshot(t.Context(), "/")
			g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Denied))
			g.Expect(s.Roles).To(BeNil())
		})
	}
}
