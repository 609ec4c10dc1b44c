package access_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/test/awsfake"
)

// others are accounts beside the world's own.
var others = []string{"444455556666", "777788889999"}

// open makes an account in which the operator can sign in both ways, and returns its root user's keys.
func (w *world) open(id string) access.Keys {
	w.t.Helper()
	key := awsfake.Account{ID: id, AdminAccessKeyID: "AKIA" + id, AdminSecretAccessKey: "the root secret of " + id}
	w.must(w.Control.AddAccount(w.t.Context(), key))
	root := aws.Config{Credentials: credentials.NewStaticCredentialsProvider(key.AdminAccessKeyID, key.AdminSecretAccessKey, "")}
	metadata, err := w.identity().Metadata(w.t.Context())
	w.must(err)
	w.must(w.API(root).Providers().Create(w.t.Context(), w.federated(id).ProviderARN, metadata, nil))
	for name, trust := range map[string]string{
		"attache-operator": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + w.federated(id).ProviderARN + `"},"Action":"sts:AssumeRoleWithSAML"}]}`,
		"taken":            `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/attache"},"Action":"sts:AssumeRole"}]}`,
	} {
		_, err := w.IAM(root).CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
		w.must(err)
	}
	return access.Keys{AccessKeyID: key.AdminAccessKeyID, SecretAccessKey: key.AdminSecretAccessKey, From: "Secret attache-system/" + id}
}

func (w *world) in(id string) access.Account {
	return access.Account{ID: id, Region: region, STSEndpoint: w.URL}
}

func (w *world) federated(id string) access.Federated {
	return access.Federated{
		RoleARN:     partition.Commercial.RoleARN(id, "/", "attache-operator"),
		ProviderARN: partition.Commercial.SAMLProviderARN(id, "attache-operator"),
	}
}

func taken(id string) access.AssumeRole {
	return access.AssumeRole{RoleARN: partition.Commercial.RoleARN(id, "/", "taken")}
}

func TestEachAccountHasCredentialsOfItsOwn(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.Grant("attache", "assume", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)
	accounts := w.accounts(w.user)
	var keys []string
	for _, id := range others {
		root := w.open(id)
		for _, method := range []access.Method{w.federated(id), taken(id), root} {
			c, err := accounts.Credentials(w.in(id), method).Retrieve(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(c.AccountID).To(Equal(id))
			keys = append(keys, c.AccessKeyID)
		}
		_, err := awsiam.New(accounts.Config(w.in(id), root), region, w.URL).Roles().GetTrust(t.Context(), "taken")
		g.Expect(err).NotTo(HaveOccurred())
	}
	slices.Sort(keys)
	g.Expect(slices.Compact(slices.Clone(keys))).To(Equal(keys), "no two are the same")
}

func TestKeysOfOneAccountAreNotUsedInAnother(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	keys := w.open(others[0])
	w.open(others[1])
	api := awsiam.New(w.accounts(w.user).Config(w.in(others[1]), keys), region, w.URL)
	g.Expect(w.Control.ClearCalls(t.Context())).To(Succeed())
	_, err := api.Roles().Get(t.Context(), "taken")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
	g.Expect(err).To(MatchError(ContainSubstring("the credentials for account 777788889999 are those of arn:aws:iam::444455556666:root in account 444455556666")))
	g.Expect(w.operations()).To(Equal([]string{"GetCallerIdentity"}))
}

func TestAnAccountThatHangsDoesNotHoldUpTheOthers(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	dead, alive := others[0], others[1]
	w.open(dead)
	w.open(alive)
	g.Expect(w.Control.AddFault(t.Context(), awsfake.Fault{
		Operation: "AssumeRoleWithSAML", Account: dead, Kind: awsfake.FaultDelay, Delay: awsfake.Duration(time.Minute),
	})).To(Succeed())
	accounts, err := access.New(access.Options{SessionName: access.SessionName("blue"), Identity: w.identity(), Timeout: 500 * time.Millisecond})
	g.Expect(err).NotTo(HaveOccurred())
	waiting := make(chan error, 1)
	go func() {
		_, err := accounts.Credentials(w.in(dead), w.federated(dead)).Retrieve(t.Context())
		waiting <- err
	}()
	_, err = accounts.Credentials(w.in(alive), w.federated(alive)).Retrieve(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(waiting, "30s").Should(Receive(&err))
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))

	start := time.Now()
	for range 1000 {
		_, err := accounts.Credentials(w.in(dead), w.federated(dead)).Retrieve(t.Context())
		g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))
	}
	g.Expect(time.Since(start)).To(BeNumerically("<", 5*time.Second), "whoever comes then hears of it at once")
}
