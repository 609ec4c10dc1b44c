package awsfake_test

import (
	"crypto"
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

// observation is one recorded answer of the real STS.
type observation struct {
	Scenario        string `json:"scenario"`
	Code            string `json:"code"`
	Message         string `json:"message"`
	Audience        string `json:"audience"`
	SubjectType     string `json:"subject_type"`
	DurationSeconds int    `json:"duration_seconds"`
	SourceIdentity  string `json:"source_identity"`
}

// recordedCase is the one change from the baseline that a scenario makes.
type recordedCase struct {
	// edit changes the message before it is signed, tamper afterwards.
	edit, tamper func(*testidp.Message, recordedWorld)
	// sign replaces the baseline's signature over the Assertion alone.
	sign func(*testidp.Message)
	// prepare changes IAM and returns the IdP that signs.
	prepare func(*testing.T, recordedWorld) *testidp.IdP
	// request changes the call's parameters.
	request func(*sts.AssumeRoleWithSAMLInput)
	// sends is how often the same assertion is sent; 0 means once.
	sends int
}

// recordedWorld is the role and provider of the baseline.
type recordedWorld struct {
	*world
	idp                  *testidp.IdP
	roleARN, providerARN string
	roleName             string
}

func never(*testidp.Message) {}

func edit(change func(*testidp.Message)) func(*testidp.Message, recordedWorld) {
	return func(m *testidp.Message, _ recordedWorld) { change(m) }
}

func remove(element string) recordedCase {
	return recordedCase{edit: edit(func(m *testidp.Message) { m.Remove(element) })}
}

func removeAttr(element, attribute string) recordedCase {
	return recordedCase{edit: edit(func(m *testidp.Message) { m.Find(element).RemoveAttr(attribute) })}
}

func setAttr(element, attribute, value string) recordedCase {
	return recordedCase{edit: edit(func(m *testidp.Message) { m.Find(element).CreateAttr(attribute, value) })}
}

func moveTime(element, attribute string, by time.Duration) recordedCase {
	return recordedCase{edit: func(m *testidp.Message, w recordedWorld) { m.SetTime(element, attribute, w.now().Add(by)) }}
}

func attribute(name, value string) recordedCase {
	return recordedCase{edit: edit(func(m *testidp.Message) { m.Attribute(name, value) })}
}

func trust(document func(recordedWorld) string) recordedCase {
	return recordedCase{prepare: func(t *testing.T, w recordedWorld) *testidp.IdP {
		w.setTrust(t, w.roleName, document(w))
		return w.idp
	}}
}

// encryptionKey is the key that the provider of a scenario decrypts with.
var encryptionKey, encryptionPEM = testidp.NewEncryptionKey()

func encryptionMode(mode types.AssertionEncryptionModeType) func(*testing.T, recordedWorld) *testidp.IdP {
	return func(t *testing.T, w recordedWorld) *testidp.IdP {
		_, err := w.iam.UpdateSAMLProvider(t.Context(), &iam.UpdateSAMLProviderInput{
			SAMLProviderArn: &w.providerARN, AddPrivateKey: &encryptionPEM, AssertionEncryptionMode: mode,
		})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		return w.idp
	}
}

func encrypted(mode types.AssertionEncryptionModeType, e testidp.Encryption) recordedCase {
	return recordedCase{prepare: encryptionMode(mode), sign: func(m *testidp.Message) {
		m.SignAssertion()
		m.Encrypt(&encryptionKey.PublicKey, e)
	}}
}

const (
	allowed  = types.AssertionEncryptionModeTypeAllowed
	required = types.AssertionEncryptionModeTypeRequired
)

const (
	confirmationData = "saml:SubjectConfirmationData"
	conditions       = "saml:Conditions"
)

var recordedCases = map[string]recordedCase{
	"assertion_signed": {},
	"response_signed":  {sign: (*testidp.Message).SignResponse},
	"both_signed": {sign: func(m *testidp.Message) {
		m.SignAssertion()
		m.SignResponse()
	}},
	"unsigned":         {sign: never},
	"tampered_subject": {tamper: edit(func(m *testidp.Message) { m.Find("saml:NameID").SetText("subject-456") })},
	"invalid_response_signature": {
		sign: func(m *testidp.Message) {
			m.SignAssertion()
			m.SignResponse()
		},
		tamper: edit(func(m *testidp.Message) { m.Response.CreateAttr("Destination", "https://other.example.test") }),
	},
	"wrong_audience":          {edit: edit(func(m *testidp.Message) { m.Find("saml:Audience").SetText("urn:other") })},
	"no_audience_restriction": remove("saml:AudienceRestriction"),
	"no_conditions":           remove(conditions),
	"wrong_recipient":         setAttr(confirmationData, "Recipient", "https://unrelated.example.test/saml"),
	"arbitrary_recipient":     setAttr(confirmationData, "Recipient", "not-a-url"),
	"recipient_provider_id":   setAttr(confirmationData, "Recipient", "https://us-east-1.signin.aws.amazon.com/saml/acs/SAMLTESTPROVIDER"),
	"missing_recipient":       removeAttr(confirmationData, "Recipient"),
	"missing_subject_expiry":  removeAttr(confirmationData, "NotOnOrAfter"),
	"duplicate_subject_confirmation": {edit: edit(func(m *testidp.Message) {
		confirmation := m.Find("saml:SubjectConfirmation")
		confirmation.Parent().AddChild(confirmation.Copy())
	})},
	"subject_missing_format":    removeAttr("saml:NameID", "Format"),
	"no_authn_statement":        remove("saml:AuthnStatement"),
	"malformed_notbefore":       setAttr(conditions, "NotBefore", "soon"),
	"expired_conditions":        moveTime(conditions, "NotOnOrAfter", -time.Minute),
	"expired_subject":           moveTime(confirmationData, "NotOnOrAfter", -time.Minute),
	"session_expired":           moveTime("saml:AuthnStatement", "SessionNotOnOrAfter", -time.Minute),
	"missing_conditions_expiry": removeAttr(conditions, "NotOnOrAfter"),
	"future_conditions_60":      moveTime(conditions, "NotBefore", time.Minute),
	"future_conditions_360":     moveTime(conditions, "NotBefore", 6*time.Minute),
	"future_conditions_86400":   moveTime(conditions, "NotBefore", 24*time.Hour),
	"future_subject_notbefore":  moveTime(confirmationData, "NotBefore", time.Hour),
	"session_expires_600":       moveTime("saml:AuthnStatement", "SessionNotOnOrAfter", 10*time.Minute),
	"session_duration_900":      attribute("SessionDuration", "900"),
	"session_duration_7200":     attribute("SessionDuration", "7200"),
	"api_duration_7200":         {request: func(in *sts.AssumeRoleWithSAMLInput) { in.DurationSeconds = aws.Int32(7200) }},
	"reversed_role_pair": {edit: func(m *testidp.Message, w recordedWorld) {
		m.Attribute("Role", w.providerARN+","+w.roleARN)
	}},
	"wrong_role": {edit: func(m *testidp.Message, w recordedWorld) {
		m.Attribute("Role", w.roleARN+"-other,"+w.providerARN)
	}},
	"subject_email_format":     setAttr("saml:NameID", "Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
	"subject_arbitrary_format": setAttr("saml:NameID", "Format", "custom-format"),
	"source_and_tags": {edit: edit(func(m *testidp.Message) {
		m.Attribute("SourceIdentity", "source-123")
		m.Attribute("PrincipalTag:team", "reports")
	})},
	"one_time_use":      {edit: edit(func(m *testidp.Message) { m.Find(conditions).CreateElement("saml:OneTimeUse") }), sends: 2},
	"proxy_restriction": {edit: edit(func(m *testidp.Message) { m.Find(conditions).CreateElement("saml:ProxyRestriction") })},
	"response_issuer_mismatch": {edit: edit(func(m *testidp.Message) {
		m.Response.SelectElement("saml:Issuer").SetText("https://other.example.test")
	})},
	"encrypted_aes128_cbc":           encrypted(allowed, testidp.Encryption{KeyBytes: 16}),
	"encrypted_aes256_cbc":           encrypted(allowed, testidp.Encryption{KeyBytes: 32}),
	"encrypted_aes128_gcm":           encrypted(allowed, testidp.Encryption{KeyBytes: 16, GCM: true}),
	"encrypted_aes256_gcm":           encrypted(allowed, testidp.Encryption{KeyBytes: 32, GCM: true}),
	"encrypted_oaep_sha256_mgf1sha1": encrypted(allowed, testidp.Encryption{KeyBytes: 16, GCM: true, Digest: crypto.SHA256}),
	"encrypted_oaep_sha256_mgf1sha256": encrypted(allowed, testidp.Encryption{
		KeyBytes: 16, GCM: true, Digest: crypto.SHA256, Mask: crypto.SHA256, Transport11: true,
	}),
	"required_plaintext":         {prepare: encryptionMode(required)},
	"required_encrypted_no_id":   encrypted(required, testidp.Encryption{KeyBytes: 32, GCM: true}),
	"recreated_provider_new_key": {prepare: recreateProvider},
	"recreated_provider_old_key": {prepare: func(t *testing.T, w recordedWorld) *testidp.IdP {
		recreateProvider(t, w)
		return w.idp
	}},
	"trust_aws_star": trust(func(recordedWorld) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRoleWithSAML"}]}`
	}),
	"trust_condition_false": trust(func(w recordedWorld) string {
		return trustPolicy(w.providerARN, `"StringEquals":{"SAML:aud":"https://other.example.test"}`)
	}),
}

// recreateProvider deletes the provider and creates it again under its ARN with a
// new key.
func recreateProvider(t *testing.T, w recordedWorld) *testidp.IdP {
	g := NewWithT(t)
	_, err := w.iam.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: &w.providerARN})
	g.Expect(err).NotTo(HaveOccurred())
	renewed, err := testidp.New(w.idp.EntityID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.createProvider(t, "corp", renewed.Metadata())).To(Equal(w.providerARN))
	return renewed
}

func TestAssumeRoleWithSAMLAnswersAsRecorded(t *testing.T) {
	g := NewWithT(t)
	raw, err := os.ReadFile("testdata/sts-assume-role-with-saml.json")
	g.Expect(err).NotTo(HaveOccurred())
	var recorded struct {
		Observations []observation `json:"observations"`
	}
	g.Expect(json.Unmarshal(raw, &recorded)).To(Succeed())
	g.Expect(recorded.Observations).To(HaveLen(50))

	idp, err := testidp.New("https://idp.example.test/metadata")
	g.Expect(err).NotTo(HaveOccurred())
	seen := map[string]bool{}
	for _, want := range recorded.Observations {
		seen[want.Scenario] = true
		t.Run(want.Scenario, func(t *testing.T) {
			c, found := recordedCases[want.Scenario]
			if !found {
				t.Fatalf("no case replays the recorded scenario %s", want.Scenario)
			}
			replay(t, idp, c, want)
		})
	}
	for scenario := range recordedCases {
		g.Expect(seen).To(HaveKey(scenario), "a case replays what was never recorded")
	}
}

func replay(t *testing.T, idp *testidp.IdP, c recordedCase, want observation) {
	g := NewWithT(t)
	w := recordedWorld{world: newWorld(t), idp: idp, roleName: "reports"}
	w.providerARN = w.createProvider(t, "corp", idp.Metadata())
	w.roleARN = w.createRole(t, w.roleName, trustPolicy(w.providerARN, ""), 43200)
	signer := idp
	if c.prepare != nil {
		signer = c.prepare(t, w)
	}
	message := signer.Baseline(w.now(), w.roleARN, w.providerARN)
	if c.edit != nil {
		c.edit(message, w)
	}
	if c.sign == nil {
		c.sign = (*testidp.Message).SignAssertion
	}
	c.sign(message)
	if c.tamper != nil {
		c.tamper(message, w)
	}
	input := &sts.AssumeRoleWithSAMLInput{
		RoleArn: &w.roleARN, PrincipalArn: &w.providerARN, SAMLAssertion: aws.String(message.Encode()),
	}
	if c.request != nil {
		c.request(input)
	}
	for range max(c.sends, 1) {
		answer, err := w.sts.AssumeRoleWithSAML(t.Context(), input)
		if want.Code != "Success" {
			code, text := apiErrorOf(g, err)
			g.Expect(code).To(Equal(want.Code))
			g.Expect(withoutRequestID(text)).To(Equal(want.Message))
			return
		}
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(aws.ToString(answer.Audience)).To(Equal(want.Audience))
		g.Expect(aws.ToString(answer.SubjectType)).To(Equal(want.SubjectType))
		g.Expect(aws.ToString(answer.SourceIdentity)).To(Equal(want.SourceIdentity))
		length := answer.Credentials.Expiration.Sub(w.now())
		g.Expect(length).To(BeNumerically("~", time.Duration(want.DurationSeconds)*time.Second, time.Second))
	}
}

var requestIDPattern = regexp.MustCompile(`Request ID: [0-9a-f-]{36}`)

func withoutRequestID(message string) string {
	return requestIDPattern.ReplaceAllString(message, "Request ID: <uuid>")
}
