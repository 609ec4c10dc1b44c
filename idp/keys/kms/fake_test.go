package kms_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
)

const (
	region    = "eu-west-1"
	accountID = "111122223333"
)

// fakeKMS answers five actions of KMS as its API Reference has them, and refuses all else aloud.
type fakeKMS struct {
	*httptest.Server
	mu    sync.Mutex
	keys  map[string]*fakeKey // by ARN
	calls []string
	// throttled is how many calls are still to be refused; garbled makes signatures wrong; mute has
	// signatures never come.
	throttled     int
	garbled, mute bool
}

type fakeKey struct {
	private  *rsa.PrivateKey
	spec     string
	usage    string
	state    string
	tags     map[string]string
	deletion int
}

type fakeError struct {
	status        int
	code, message string
}

func newFakeKMS(t *testing.T) *fakeKMS {
	f := &fakeKMS{keys: map[string]*fakeKey{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// client has no retries, so that tests see each answer.
func (f *fakeKMS) client(region string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: aws.String(f.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
	})
}

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // A server notices only then that its client has gone.
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if f.mute && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Sign") {
		<-r.Context().Done()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer, refusal := f.answer(r)
	if refusal != nil {
		w.WriteHeader(refusal.status)
		answer = map[string]any{"__type": refusal.code, "message": refusal.message}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(err)
	}
}

func (f *fakeKMS) answer(r *http.Request) (any, *fakeError) {
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	if !ok || r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		return nil, &fakeError{400, "UnknownOperationException", "not a request to KMS"}
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || !strings.Contains(r.Header.Get("Authorization"), "/"+region+"/kms/aws4_request") {
		return nil, &fakeError{400, "IncompleteSignature", "not signed for KMS in " + region}
	}
	f.calls = append(f.calls, action)
	if f.throttled > 0 {
		f.throttled--
		return nil, &fakeError{400, "ThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."}
	}
	handlers := map[string]func(*json.Decoder) (any, *fakeError){
		"CreateKey": f.createKey, "GetPublicKey": f.getPublicKey, "Sign": f.sign, "DescribeKey": f.describeKey, "ScheduleKeyDeletion": f.scheduleKeyDeletion,
	}
	handle, ok := handlers[action]
	if !ok {
		return nil, &fakeError{400, "UnknownOperationException", action}
	}
	body := json.NewDecoder(r.Body)
	body.DisallowUnknownFields()
	return handle(body)
}

func (f *fakeKMS) createKey(body *json.Decoder) (any, *fakeError) {
	var in struct {
		KeySpec, KeyUsage, Description string
		Tags                           []struct{ TagKey, TagValue string }
	}
	bits := map[string]int{"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
	if err := body.Decode(&in); err != nil || bits[in.KeySpec] == 0 || in.KeyUsage != "SIGN_VERIFY" {
		return nil, &fakeError{400, "ValidationException", fmt.Sprint(in, err)}
	}
	private, err := rsa.GenerateKey(rand.Reader, bits[in.KeySpec])
	if err != nil {
		panic(err)
	}
	k := &fakeKey{private: private, spec: in.KeySpec, usage: in.KeyUsage, state: "Enabled", tags: map[string]string{}}
	for _, tag := range in.Tags {
		k.tags[tag.TagKey] = tag.TagValue
	}
	return f.metadata(f.add(k)), nil
}

func (f *fakeKMS) add(k *fakeKey) string {
	id := fmt.Sprintf("arn:aws:kms:%s:%s:key/1234abcd-12ab-34cd-56ef-%012d", region, accountID, len(f.keys)+1)
	f.keys[id] = k
	return id
}

func (f *fakeKMS) metadata(id string) any {
	return map[string]any{"KeyMetadata": map[string]any{
		"Arn": id, "KeyId": id[strings.LastIndex(id, "/")+1:], "AWSAccountId": accountID,
		"KeySpec": f.keys[id].spec, "KeyUsage": f.keys[id].usage, "KeyState": f.keys[id].state, "Enabled": f.keys[id].state == "Enabled",
	}}
}

// find returns a key that may be used.
func (f *fakeKMS) find(id string) (*fakeKey, *fakeError) {
	k, ok := f.keys[id]
	switch {
	case !ok:
		return nil, &fakeError{400, "NotFoundException", fmt.Sprintf("Key '%s' does not exist", id)}
	case k.state == "PendingDeletion":
		return nil, &fakeError{400, "KMSInvalidStateException", id + " is pending deletion."}
	case k.state != "Enabled":
		return nil, &fakeError{400, "DisabledException", id + " is disabled."}
	}
	return k, nil
}

func (f *fakeKMS) getPublicKey(body *json.Decoder) (any, *fakeError) {
	var in struct{ KeyId string } //nolint:staticcheck // KMS spells it so.
	if err := body.Decode(&in); err != nil {
		return nil, &fakeError{400, "ValidationException", err.Error()}
	}
	k, refusal := f.find(in.KeyId)
	if refusal != nil {
		return nil, refusal
	}
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		panic(err)
	}
	out := map[string]any{"KeyId": in.KeyId, "PublicKey": der, "KeySpec": k.spec, "KeyUsage": k.usage}
	if k.usage == "SIGN_VERIFY" {
		out["SigningAlgorithms"] = []string{"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PSS_SHA_256"}
	} else {
		out["EncryptionAlgorithms"] = []string{"RSAES_OAEP_SHA_256"}
	}
	return out, nil
}

func (f *fakeKMS) sign(body *json.Decoder) (any, *fakeError) {
	var in struct {
		KeyId                         string //nolint:staticcheck // KMS spells it so.
		Message                       []byte
		MessageType, SigningAlgorithm string
	}
	if err := body.Decode(&in); err != nil || in.MessageType != "DIGEST" || in.SigningAlgorithm != "RSASSA_PKCS1_V1_5_SHA_256" || len(in.Message) != sha256.Size {
		return nil, &fakeError{400, "ValidationException", fmt.Sprint(in, err)}
	}
	k, refusal := f.find(in.KeyId)
	if refusal != nil {
		return nil, refusal
	}
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, in.Message)
	if err != nil {
		panic(err)
	}
	if f.garbled {
		signature[0] ^= 1
	}
	return map[string]any{"KeyId": in.KeyId, "Signature": signature, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

func (f *fakeKMS) describeKey(body *json.Decoder) (any, *fakeError) {
	var in struct{ KeyId string } //nolint:staticcheck // KMS spells it so.
	if err := body.Decode(&in); err != nil || f.keys[in.KeyId] == nil {
		return nil, &fakeError{400, "NotFoundException", fmt.Sprint(in, err)}
	}
	return f.metadata(in.KeyId), nil
}

func (f *fakeKMS) scheduleKeyDeletion(body *json.Decoder) (any, *fakeError) {
	var in struct {
		KeyId               string //nolint:staticcheck // KMS spells it so.
		PendingWindowInDays int
	}
	if err := body.Decode(&in); err != nil || in.PendingWindowInDays < 7 || in.PendingWindowInDays > 30 {
		return nil, &fakeError{400, "ValidationException", fmt.Sprint(in, err)}
	}
	if _, refusal := f.find(in.KeyId); refusal != nil && refusal.code != "DisabledException" {
		return nil, refusal
	}
	k := f.keys[in.KeyId]
	k.state, k.deletion = "PendingDeletion", in.PendingWindowInDays
	return map[string]any{"KeyId": in.KeyId, "KeyState": k.state, "PendingWindowInDays": k.deletion}, nil
}
