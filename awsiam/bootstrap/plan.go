package bootstrap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/metadata"
	"attache.dev/attache/awsiam/role"
)

// Mode is what is to come of an account.
type Mode string

const (
	// Create makes what is missing and changes nothing that is there.
	Create Mode = "Create"
	// Repair also puts right what is there and is not as it should be.
	Repair Mode = "Repair"
	// Remove deletes everything again.
	Remove Mode = "Remove"
)

// Held is what the account holds; nil for what is not there.
type Held struct {
	Provider        *awsiam.SAMLProvider
	Operator, Probe *role.Role
}

// Operations of steps on SAML providers and of the creation of roles; the others are role.Operation.
const (
	createProvider = "CreateSAMLProvider"
	updateProvider = "UpdateSAMLProvider"
	tagProvider    = "TagSAMLProvider"
	deleteProvider = "DeleteSAMLProvider"
	createRole     = "CreateRole"
)

// Step is one call to IAM that changes something. Which fields count depends on Operation.
type Step struct {
	// Operation is the IAM API operation, and ARN what it is about.
	Operation, ARN string
	// Metadata and Tags of a SAML provider.
	Metadata string
	Tags     map[string]string
	// Role of CreateRole, which makes all but its policies.
	Role role.Role
	// Change of a role, for all other operations on one.
	Change role.Step
}

// String says what the step does, without the text of documents.
func (s Step) String() string {
	if about := strings.TrimPrefix(s.Change.String(), s.Operation); s.Change.Operation != "" && about != "" {
		return s.Operation + " " + s.ARN + ":" + about
	}
	return s.Operation + " " + s.ARN
}

// Differing is something of the operator's that is not as it should be and stays so.
type Differing struct {
	ARN         string
	Differences []v1alpha1.Difference
}

// Plan is what is to be done.
type Plan struct {
	// Steps in their order.
	Steps []Step
	// Differing is what Repair would put right, in mode Create.
	Differing []Differing
}

// ForeignError is why nothing is done: a name is taken by something that is not this cluster's.
type ForeignError struct {
	// ARN of what has the name, and the tags that would make it this cluster's.
	ARN  string
	Tags map[string]string
}

// Error implements error.
func (e *ForeignError) Error() string {
	var tags []string
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		tags = append(tags, key+"="+e.Tags[key])
	}
	return fmt.Sprintf("%s is there and does not belong to this cluster's operator, so nothing was changed: delete it, or, if it should belong to it, tag it with %s",
		e.ARN, strings.Join(tags, " "))
}

// Decide returns what leads from what the account holds to what the mode asks for; no steps if it is
// so already. It returns a *ForeignError if something there is not this cluster's. Of the Config,
// Remove needs account, region and cluster alone.
func Decide(c Config, held Held, mode Mode) (Plan, error) {
	if err := c.checkOwner(); err != nil {
		return Plan{}, err
	}
	if err := c.checkOwnership(held); err != nil {
		return Plan{}, err
	}
	p := planner{mode: mode}
	if mode == Remove {
		p.remove(held, ProviderARN(c.partition(), c.AccountID))
		return p.Plan, nil
	}
	want, err := Want(c)
	if err != nil {
		return Plan{}, err
	}
	p.bringProvider(want, held.Provider)
	p.bringRole(want.Operator, held.Operator)
	p.bringRole(want.Probe, held.Probe)
	return p.Plan, nil
}

func (c Config) checkOwnership(held Held) error {
	p, owner := c.partition(), c.owner()
	if held.Provider != nil && !owner.Owns(held.Provider.Tags) {
		return &ForeignError{ARN: ProviderARN(p, c.AccountID), Tags: owner.Tags()}
	}
	// IAM finds a role by its name: one of another path is another one.
	foreign := func(r *role.Role, arn string) bool { return r != nil && (r.ARN != arn || !owner.Owns(r.Tags)) }
	switch {
	case foreign(held.Operator, RoleARN(p, c.AccountID)):
		return &ForeignError{ARN: held.Operator.ARN, Tags: owner.Tags()}
	case foreign(held.Probe, ProbeRoleARN(p, c.AccountID)):
		return &ForeignError{ARN: held.Probe.ARN, Tags: owner.Tags()}
	}
	return nil
}

type planner struct {
	Plan
	mode Mode
}

func (p *planner) add(s Step) { p.Steps = append(p.Steps, s) }

func (p *planner) change(arn string, steps []role.Step) {
	for _, s := range steps {
		p.add(Step{Operation: string(s.Operation), ARN: arn, Change: s})
	}
}

// remove takes the roles first: the way in goes when it leads nowhere.
func (p *planner) remove(held Held, providerARN string) {
	for _, r := range []*role.Role{held.Probe, held.Operator} {
		if r != nil {
			p.change(r.ARN, role.PlanDeletion(*r))
		}
	}
	if held.Provider != nil {
		p.add(Step{Operation: deleteProvider, ARN: providerARN})
	}
}

func (p *planner) bringRole(want role.Role, held *role.Role) {
	switch {
	case held == nil:
		p.add(Step{Operation: createRole, ARN: want.ARN, Role: want})
		made := want
		made.Policies, made.InlinePolicies = nil, nil
		p.change(want.ARN, role.Plan(want, made))
	case p.mode == Repair || !complete(want, *held):
		p.change(want.ARN, role.Plan(want, *held))
	default:
		if differences := role.Differences(want, *held); len(differences) > 0 {
			p.Differing = append(p.Differing, Differing{want.ARN, differences})
		}
	}
}

// complete tells a role that somebody changed from one whose making was broken off: that one is as
// CreateRole made it.
func complete(want, held role.Role) bool {
	if len(held.Policies) > 0 || len(held.InlinePolicies) > 0 {
		return true
	}
	made := want
	made.Policies, made.InlinePolicies = nil, nil
	return len(role.Differences(made, held)) > 0
}

func (p *planner) bringProvider(want Wanted, held *awsiam.SAMLProvider) {
	if held == nil {
		p.add(Step{Operation: createProvider, ARN: want.ProviderARN, Metadata: want.Metadata, Tags: want.Tags})
		return
	}
	differences := metadata.Differences(want.Metadata, held.Metadata)
	missing := maps.Clone(want.Tags)
	maps.DeleteFunc(missing, func(key, value string) bool { return held.Tags[key] == value })
	for _, key := range slices.Sorted(maps.Keys(missing)) {
		differences = append(differences, v1alpha1.Difference{Field: "tags[" + key + "]", Wanted: missing[key], Found: held.Tags[key]})
	}
	if p.mode != Repair {
		if len(differences) > 0 {
			p.Differing = append(p.Differing, Differing{want.ProviderARN, differences})
		}
		return
	}
	if want.Metadata != held.Metadata {
		p.add(Step{Operation: updateProvider, ARN: want.ProviderARN, Metadata: want.Metadata})
	}
	if len(missing) > 0 {
		p.add(Step{Operation: tagProvider, ARN: want.ProviderARN, Tags: missing})
	}
}
