package rotation_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/metadata"
	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/exchange"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/idp/keys/rotation"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

const (
	issuer      = "https://login.corp.example/saml/metadata"
	accountID   = "111122223333"
	region      = "eu-west-1"
	providerARN = "arn:aws:iam::" + accountID + ":saml-provider/corp"
	trustPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + providerARN + `"},
		"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}]}`
)

// hurried is the pace of an AWS that tells all of STS within 150 ms.
var hurried = rotation.Policy{
	RotateAfter: 90 * day, RenewBefore: 60 * day, Probes: 8, Every: 40 * time.Millisecond,
	Fallback: 300 * time.Millisecond, Drain: 200 * time.Millisecond, Patience: time.Hour,
}

// provider does by hand what the operator and one replica do, with real keys, metadata and assertions.
type provider struct {
	t         *testing.T
	g         Gomega
	aws       *testaws.Account
	iam       awsiam.SAMLProviders
	exchange  *exchange.Exchanger
	ring      keys.Ring
	secret    map[string][]byte
	ledger    rotation.Account
	requested string
	handled   string
	revoked   []string
	memory    rotation.Memory
	started   time.Time
	status    rotation.Status
	// asked counts assertions, served the requests of pods, and second their second tries.
	asked, served, second int
}

func newProvider(t *testing.T) *provider {
	g := NewWithT(t)
	account := testaws.Start(t, accountID, region)
	g.Expect(account.Control.Configure(t.Context(), awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{
		awsfake.AnyEndpoint: {ProviderPropagation: awsfake.Duration(150 * time.Millisecond), Random: true},
	}})).To(Succeed())
	exchanger, err := exchange.New(exchange.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	p := &provider{
		t: t, g: g, aws: account, iam: account.API(account.Root).Providers(), exchange: exchanger, ring: keys.Ring{keys.InSecret{}},
		secret: map[string][]byte{}, ledger: rotation.Account{ID: accountID, Reachable: true}, started: time.Now(),
	}
	p.until(func() bool { return p.ledger.Active != "" })
	for _, role := range []string{"attache-probe", "uploader"} {
		_, err := account.IAM(account.Root).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: ptr(trustPolicy)})
		g.Expect(err).NotTo(HaveOccurred())
	}
	p.g.Eventually(p.known).Should(Succeed())
	return p
}

// known is nil once all of STS knows the provider.
func (p *provider) known() error {
	for range 16 {
		if err := p.redeem("uploader", p.ledger.Active); err != nil {
			return err
		}
	}
	return nil
}

func ptr[T any](v T) *T { return &v }

func (p *provider) keys() []keys.Key {
	held, err := p.ring.Read(p.t.Context(), p.secret)
	p.g.Expect(err).NotTo(HaveOccurred())
	return held
}

// step is one reconciliation.
func (p *provider) step() {
	s := rotation.State{
		Now: time.Now(), Uptime: time.Since(p.started), Accounts: []rotation.Account{p.ledger},
		Requested: p.requested, Handled: p.handled, Revoked: p.revoked,
		Replicas: []rotation.Replica{{Name: "idp-0", Answered: true, Signs: map[string][]string{accountID: {p.ledger.Active, p.ledger.Previous}}}},
	}
	for _, k := range p.keys() {
		s.Keys = append(s.Keys, rotation.Key{ID: k.ID, NotBefore: k.Certificate.NotBefore, NotAfter: k.Certificate.NotAfter})
		s.Replicas[0].Holds = append(s.Replicas[0].Holds, k.ID)
	}
	var plan rotation.Plan
	plan, p.memory = rotation.Decide(hurried, s, p.memory)
	p.status = plan.Status
	for _, x := range plan.Actions {
		p.take(x)
	}
}

func (p *provider) take(x rotation.Action) {
	ctx := p.t.Context()
	switch x := x.(type) {
	case rotation.Generate:
		_, added, err := p.ring.Generate(ctx, 2048, "corp", x.NotBefore)
		p.g.Expect(err).NotTo(HaveOccurred())
		maps.Copy(p.secret, added)
		p.handled = x.Handled
	case rotation.Revoke:
		p.publish(x.Keys)
		p.ledger = x.Done(p.ledger)
	case rotation.Publish:
		p.publish(x.Keys)
		p.ledger = x.Done(p.ledger)
	case rotation.Switch:
		p.ledger, _ = x.Done(p.ledger)
	case rotation.Settle:
		p.ledger, _ = x.Done(p.ledger)
	case rotation.Probe:
		p.memory = p.memory.Probed(x, time.Since(p.started), p.redeem("attache-probe", x.Key))
	case rotation.Retire:
		p.secret, _ = p.ring.Remove(p.secret, x.Key)
	}
}

func (p *provider) publish(ids []string) {
	var certificates []*x509.Certificate
	for _, id := range ids {
		k, ok := keys.Find(p.keys(), id)
		p.g.Expect(ok).To(BeTrue())
		certificates = append(certificates, k.Certificate)
	}
	document, err := assertion.Metadata(issuer, certificates)
	p.g.Expect(err).NotTo(HaveOccurred())
	if len(p.ledger.Published) == 0 {
		p.g.Expect(p.iam.Create(p.t.Context(), providerARN, string(document), nil)).To(Succeed())
	} else {
		p.g.Expect(p.iam.Update(p.t.Context(), providerARN, string(document))).To(Succeed())
	}
}

// redeem gives STS an assertion that nobody has redeemed before.
func (p *provider) redeem(role, id string) error {
	k, ok := keys.Find(p.keys(), id)
	p.g.Expect(ok).To(BeTrue(), "key %s", id)
	p.asked++
	s := idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader"}
	grant := idp.Grant{
		RoleARN: "arn:aws:iam::" + accountID + ":role/" + role, ProviderARN: providerARN, AccountID: accountID,
		SessionName: fmt.Sprintf("request-%d", p.asked), Duration: time.Hour, Region: region, STSEndpoint: p.aws.URL,
	}
	_, _, err := p.exchange.Credentials(p.t.Context(), grant, s, func(context.Context) (string, error) {
		statement, err := assertion.ForAWS(issuer, s, grant)
		if err != nil {
			return "", err
		}
		response, err := assertion.Response(statement, k, time.Now(), rand.Reader)
		if err != nil {
			return "", err
		}
		return assertion.Encode(response)
	})
	return err
}

// serve is a request of a pod: an exchange that hears that the signature is not trusted tries the
// previous key once.
func (p *provider) serve() error {
	p.served++
	err := p.redeem("uploader", p.ledger.Active)
	var refusal *idp.Refusal
	if errors.As(err, &refusal) && refusal.Reason == exchange.ReasonSignatureNotTrusted && p.ledger.Previous != "" {
		p.second++
		return p.redeem("uploader", p.ledger.Previous)
	}
	return err
}

func (p *provider) until(reached func() bool) {
	p.t.Helper()
	p.g.Eventually(func() bool {
		p.step()
		return reached()
	}).WithTimeout(time.Minute).WithPolling(time.Millisecond).Should(BeTrue(), "%+v", p.status)
}

func (p *provider) published() []string {
	held, err := p.iam.Get(p.t.Context(), providerARN)
	p.g.Expect(err).NotTo(HaveOccurred())
	document, err := metadata.Parse(held.Metadata)
	p.g.Expect(err).NotTo(HaveOccurred())
	return document.Keys
}

func TestNoRequestFailsWhileAWSTellsOldOrNewAtRandom(t *testing.T) {
	p := newProvider(t)
	used := []string{p.ledger.Active}
	for i := range 3 {
		p.requested = fmt.Sprint("rotation ", i)
		p.until(func() bool {
			p.g.Expect(p.serve()).To(Succeed())
			p.g.Expect(len(p.published())).To(BeNumerically("<=", 3))
			p.g.Expect(p.published()).To(ContainElement(p.ledger.Active))
			return p.handled == p.requested && p.status.Reason == rotation.ReasonKeyActive
		})
		p.g.Expect(used).NotTo(ContainElement(p.ledger.Active))
		p.g.Expect(p.published()).To(Equal([]string{p.ledger.Active}))
		p.g.Expect(p.keys()).To(HaveLen(1))
		used = append(used, p.ledger.Active)
	}
	t.Logf("%d requests were answered, %d of them at the second try", p.served, p.second)
}

func TestWhatARevokedKeySignsIsWorthNothing(t *testing.T) {
	p := newProvider(t)
	leaked := p.ledger.Active
	stolen := maps.Clone(p.secret)
	p.revoked = []string{leaked}
	p.until(func() bool { return p.ledger.Active != leaked })
	p.g.Expect(p.published()).To(Equal([]string{p.ledger.Active}))
	p.g.Eventually(p.known).Should(Succeed())

	own := p.secret
	p.secret = stolen
	for range 16 {
		var refusal *idp.Refusal
		p.g.Expect(errors.As(p.redeem("uploader", leaked), &refusal)).To(BeTrue())
		p.g.Expect(refusal.Reason).To(Equal(exchange.ReasonSignatureNotTrusted))
	}
	p.secret = own
	p.until(func() bool { return p.status.Reason == rotation.ReasonKeyActive })
	p.g.Expect(p.keys()).To(HaveLen(1))
}
