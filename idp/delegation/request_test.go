package delegation

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/mapping"
)

const goodForm = "client_id=corp&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&id_token=a.b.c&target=corp&api_type=aws"

const goodJSON = `{"client_id":"corp","grant_type":"urn:ietf:params:oauth:grant-type:jwt-bearer","id_token":"a.b.c","target":"corp","api_type":"aws"}`

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/delegation", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func read(r *http.Request) (request, error) {
	p, err := readRequest(httptest.NewRecorder(), r)
	if err != nil {
		return request{}, err
	}
	return p.forProvider("corp")
}

func TestARequestIsUnderstood(t *testing.T) {
	plain := request{idToken: "a.b.c"}
	for _, tt := range []struct {
		name, contentType, body string
		want                    request
	}{
		{"as a form", typeForm, goodForm, plain},
		{"as JSON", typeJSON, goodJSON, plain},
		{"with a charset", "application/json; charset=utf-8", goodJSON, plain},
		{"without a target", typeForm, strings.Replace(goodForm, "&target=corp", "", 1), plain},
		{"with an empty target", typeForm, strings.Replace(goodForm, "target=corp", "target=", 1), plain},
		{"with a null target", typeJSON, strings.Replace(goodJSON, `"target":"corp"`, `"target":null`, 1), plain},
		{"with scope, which means nothing here", typeForm, goodForm + "&scope=openid+profile", plain},
		{"with what Auth0's clients send as well", typeForm, goodForm + "&device=browser&connection=x&auth0Client=eyJ9", plain},
		{"with an unknown field of any type", typeJSON, strings.Replace(goodJSON, "{", `{"device":{"id":[1]},`, 1), plain},
		{"with an empty token, which authn refuses", typeForm, strings.Replace(goodForm, "a.b.c", "", 1), request{}},
		{"with role, principal and region", typeForm, goodForm + "&role=r&principal=p&region=eu-west-1",
			request{idToken: "a.b.c", want: mapping.Want{RoleARN: "r", PrincipalARN: "p", Region: "eu-west-1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := read(post(tt.contentType, tt.body))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(tt.want))
		})
	}
}

func TestARequestIsRefused(t *testing.T) {
	replace := func(old, with string) *http.Request { return post(typeForm, strings.Replace(goodForm, old, with, 1)) }
	get := httptest.NewRequest(http.MethodGet, "/delegation?"+goodForm, nil)
	cut := httptest.NewRequest(http.MethodPost, "/delegation", iotest.ErrReader(errors.New("connection reset")))
	cut.Header.Set("Content-Type", typeJSON)
	for _, tt := range []struct {
		name    string
		request *http.Request
		reason  string
		message string
	}{
		{"any method but POST", get, reasonMethodNotAllowed, "method GET is not allowed: send POST"},
		{"another content type", post("text/xml", goodForm), reasonContentType, "Content-Type must be application/json or application/x-www-form-urlencoded"},
		{"no content type", post("", goodForm), reasonContentType, "Content-Type must be application/json or application/x-www-form-urlencoded"},
		{"a body over 64 KiB", post(typeForm, goodForm+"&x="+strings.Repeat("a", maxBody)), reasonBodyTooLarge, "the body has more than 65536 bytes"},
		{"a body that ends too early", cut, reasonInvalidRequest, "the body ended too early"},
		{"a form that is none", post(typeForm, "%zz"), reasonInvalidRequest, "the body is not a form: encode it as application/x-www-form-urlencoded"},
		{"a parameter sent twice in a form", post(typeForm, goodForm+"&id_token=other"), reasonInvalidRequest, `parameter "id_token" is sent more than once`},
		{"a parameter sent twice in JSON", post(typeJSON, strings.Replace(goodJSON, "{", `{"id_token":"other",`, 1)), reasonInvalidRequest, `parameter "id_token" is sent more than once`},
		{"a parameter that is not a string", post(typeJSON, strings.Replace(goodJSON, `"a.b.c"`, `["a.b.c"]`, 1)), reasonInvalidRequest, "id_token must be a string"},
		{"JSON that is no object", post(typeJSON, `["corp"]`), reasonInvalidRequest, "the body is not a JSON object"},
		{"JSON that is cut off", post(typeJSON, goodJSON[:len(goodJSON)-1]), reasonInvalidRequest, "the body is not a JSON object"},
		{"an empty body", post(typeJSON, ""), reasonInvalidRequest, "the body is not a JSON object"},
		{"two objects", post(typeJSON, goodJSON+goodJSON), reasonInvalidRequest, "the body has more than one JSON object"},
		{"a parameter that is too long", post(typeForm, goodForm+"&role="+strings.Repeat("a", maxParameter+1)), reasonInvalidRequest, "role has more than 2048 bytes"},
		{"parameters in the URL", func() *http.Request {
			r := post(typeForm, "")
			r.URL.RawQuery = goodForm
			return r
		}(), reasonInvalidRequest, `client_id is missing: send "corp", the name of the SAMLProvider`},
		{"a name in another case", post(typeJSON, strings.Replace(goodJSON, "client_id", "Client_ID", 1)), reasonInvalidRequest, `client_id is missing: send "corp", the name of the SAMLProvider`},
		{"another client_id", replace("client_id=corp", "client_id=lab"), reasonUnknownClient, `client_id "lab" is unknown here: send "corp", the name of the SAMLProvider`},
		{"no grant_type", replace("grant_type=", "x="), reasonInvalidRequest, "grant_type is missing: send " + grantType},
		{"another grant_type", replace("jwt-bearer", "saml2-bearer"), reasonUnsupportedGrantType, `grant_type "urn:ietf:params:oauth:grant-type:saml2-bearer" is not supported: send ` + grantType},
		{"no api_type", replace("api_type=aws", ""), reasonInvalidRequest, "api_type is missing: send aws"},
		{"another api_type", replace("api_type=aws", "api_type=firebase"), reasonUnsupportedAPIType, `api_type "firebase" is not supported: send aws`},
		{"another target", replace("target=corp", "target=lab"), reasonUnknownTarget, `target "lab" is unknown here: send "corp", or leave target out`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := read(tt.request)
			var refusal *idp.Refusal
			g.Expect(errors.As(err, &refusal)).To(BeTrue())
			g.Expect(refusal.Kind).To(Equal(idp.Malformed))
			g.Expect(refusal.Reason).To(Equal(tt.reason))
			g.Expect(refusal.Message).To(Equal(tt.message))
		})
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add(typeForm, []byte(goodForm))
	f.Add(typeJSON, []byte(goodJSON))
	f.Add(typeJSON, []byte(`{"id_token":"a","id_token":"b"}`))
	f.Add("application/json; charset=\"", []byte(`{"a":{"b":[{}]}}`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		got, err := read(post(contentType, string(body)))
		if err == nil {
			for _, value := range []string{got.want.RoleARN, got.want.PrincipalARN, got.want.Region} {
				if len(value) > maxParameter {
					t.Errorf("a parameter of %d bytes passed", len(value))
				}
			}
			return
		}
		var refusal *idp.Refusal
		if !errors.As(err, &refusal) || refusal.Reason == "" || refusal.Message == "" {
			t.Errorf("refused without a reason: %v", err)
		}
	})
}
