package awsfake

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// members is a list in the Query protocol: always printed, even if empty.
type members[T any] struct {
	Member []T `xml:"member"`
}

func list[T any](items []T) members[T] { return members[T]{Member: items} }

// pageInfo is how IAM says that a list goes on.
type pageInfo struct {
	IsTruncated bool    `xml:"IsTruncated"`
	Marker      *string `xml:"Marker"`
}

func pageEnd(next *string) pageInfo { return pageInfo{IsTruncated: next != nil, Marker: next} }

type responseMetadata struct {
	RequestID string `xml:"RequestId"`
}

type errorResponse struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Error     struct {
		Type    string `xml:"Type"`
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	} `xml:"Error"`
	RequestID string `xml:"RequestId"`
}

// timestamp prints t as IAM and STS do.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// encodeDocument percent-encodes a policy document as IAM returns it (RFC 3986).
func encodeDocument(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// renderResult prints the answer <NAMEResponse><NAMEResult/>...; a nil result
// prints no NAMEResult.
func renderResult(op *operation, result any, requestID string) ([]byte, error) {
	var b strings.Builder
	enc := xml.NewEncoder(&b)
	root := xml.StartElement{
		Name: xml.Name{Local: op.name + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: op.service.namespace}},
	}
	if err := enc.EncodeToken(root); err != nil {
		return nil, err
	}
	if result != nil {
		if err := enc.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: op.name + "Result"}}); err != nil {
			return nil, err
		}
	}
	metadata := xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}}
	if err := enc.EncodeElement(responseMetadata{RequestID: requestID}, metadata); err != nil {
		return nil, err
	}
	if err := enc.EncodeToken(root.End()); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

func renderError(namespace string, e *apiError, requestID string) ([]byte, error) {
	r := errorResponse{Namespace: namespace, RequestID: requestID}
	r.Error.Type, r.Error.Code, r.Error.Message = "Sender", e.code, e.message
	if e.status >= http.StatusInternalServerError {
		r.Error.Type = "Receiver"
	}
	return xml.Marshal(r)
}
