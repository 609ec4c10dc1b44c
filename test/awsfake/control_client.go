package awsfake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// controlClient is Control over HTTP.
type controlClient struct {
	baseURL, secret string
	client          *http.Client
}

// NewControlClient returns the Control of the server whose ControlHandler listens
// at baseURL. secret is the admin's secret access key; client may be nil.
func NewControlClient(baseURL, secret string, client *http.Client) Control {
	if client == nil {
		client = http.DefaultClient
	}
	return &controlClient{baseURL: strings.TrimSuffix(baseURL, "/"), secret: secret, client: client}
}

func (c *controlClient) AddAccount(ctx context.Context, a Account) error {
	return c.do(ctx, http.MethodPost, accountsPath, a, nil)
}

func (c *controlClient) Accounts(ctx context.Context) ([]string, error) {
	var ids []string
	err := c.do(ctx, http.MethodGet, accountsPath, nil, &ids)
	return ids, err
}

func (c *controlClient) AddFault(ctx context.Context, f Fault) error {
	return c.do(ctx, http.MethodPost, faultsPath, f, nil)
}

func (c *controlClient) Faults(ctx context.Context) ([]Fault, error) {
	var faults []Fault
	err := c.do(ctx, http.MethodGet, faultsPath, nil, &faults)
	return faults, err
}

func (c *controlClient) ClearFaults(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, faultsPath, nil, nil)
}

func (c *controlClient) Calls(ctx context.Context, operation string) ([]Call, error) {
	var calls []Call
	err := c.do(ctx, http.MethodGet, callsPath+"?operation="+url.QueryEscape(operation), nil, &calls)
	return calls, err
}

func (c *controlClient) CallCounts(ctx context.Context) ([]CallCount, error) {
	var counts []CallCount
	err := c.do(ctx, http.MethodGet, callCountsPath, nil, &counts)
	return counts, err
}

func (c *controlClient) ClearCalls(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, callsPath, nil, nil)
}

func (c *controlClient) Settings(ctx context.Context) (Settings, error) {
	var settings Settings
	err := c.do(ctx, http.MethodGet, settingsPath, nil, &settings)
	return settings, err
}

func (c *controlClient) Configure(ctx context.Context, s Settings) error {
	return c.do(ctx, http.MethodPut, settingsPath, s, nil)
}

func (c *controlClient) Seed(ctx context.Context, s Seed) error {
	return c.do(ctx, http.MethodPost, seedPath, s, nil)
}

func (c *controlClient) Inventory(ctx context.Context, accountIDs ...string) (Inventory, error) {
	var inventory Inventory
	err := c.do(ctx, http.MethodGet, inventoryPath+"?"+url.Values{"account": accountIDs}.Encode(), nil, &inventory)
	return inventory, err
}

func (c *controlClient) do(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the control request: %w", err)
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.baseURL+path, payload)
	if err != nil {
		return fmt.Errorf("build the control request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.secret)
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("call awsfake's control endpoint: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest {
		message, _ := io.ReadAll(io.LimitReader(response.Body, maxControlBody))
		return fmt.Errorf("awsfake's control endpoint answered %d: %s", response.StatusCode, strings.TrimSpace(string(message)))
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("read the control endpoint's answer: %w", err)
	}
	return nil
}
