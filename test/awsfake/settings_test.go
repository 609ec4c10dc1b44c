package awsfake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		settings awsfake.Settings
		want     string
	}{
		"a negative page":             {awsfake.Settings{PageSize: -1}, "must not be negative"},
		"a negative expiration":       {awsfake.Settings{MaxExpiration: -1}, "must not be negative"},
		"propagation beyond memory":   {awsfake.Settings{IAMPropagation: awsfake.Duration(time.Hour)}, "not from 0s to 10m0s"},
		"a negative propagation":      {awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{"*": {RolePropagation: -1}}}, "not from 0s"},
		"a rate of nothing":           {awsfake.Settings{IAMRate: map[string]awsfake.Rate{account: {Burst: 1}}}, "write numbers above 0"},
		"a rate without a burst":      {awsfake.Settings{IAMRate: map[string]awsfake.Rate{"*": {PerSecond: 1}}}, "write numbers above 0"},
		"a rate of no account":        {awsfake.Settings{IAMRate: map[string]awsfake.Rate{"production": {PerSecond: 1, Burst: 1}}}, "write 12 digits, or *"},
		"a region of elsewhere":       {awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{"sts.test": {Region: "cn-north-1"}}}, "not of the partition aws"},
		"a provider's that is beyond": {awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{"*": {ProviderPropagation: awsfake.Duration(time.Hour)}}}, "not from 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, _ *federation, control awsfake.Control) {
				g := NewWithT(t)
				g.Expect(control.Configure(t.Context(), row.settings)).To(MatchError(ContainSubstring(row.want)))
				g.Expect(control.Settings(t.Context())).To(Equal(awsfake.Settings{}))
			})
		})
	}
}

func TestSettingsAreReadBackAsTheyWereGiven(t *testing.T) {
	eachControl(t, func(t *testing.T, _ *federation, control awsfake.Control) {
		g := NewWithT(t)
		settings := awsfake.Settings{
			PageSize: 7, EmptyFirstPage: true, MaxExpiration: awsfake.Duration(time.Minute), IAMPropagation: awsfake.Duration(time.Second),
			IAMRate:      map[string]awsfake.Rate{account: {PerSecond: 0.5, Burst: 3}},
			STSEndpoints: map[string]awsfake.STSEndpoint{"sts.example.test": {Region: "eu-central-1", RolePropagation: awsfake.Duration(time.Second), Random: true}},
		}
		g.Expect(control.Configure(t.Context(), settings)).To(Succeed())
		g.Expect(control.Settings(t.Context())).To(Equal(settings))
	})
}

func TestPagesAreAsShortAsSet(t *testing.T) {
	for name, row := range map[string]struct {
		settings awsfake.Settings
		ask      int32
		want     []int
	}{
		"pages as long as asked":         {awsfake.Settings{}, 4, []int{4, 4, 2}},
		"pages shorter than asked":       {awsfake.Settings{PageSize: 3}, 4, []int{3, 3, 3, 1}},
		"pages no longer than asked":     {awsfake.Settings{PageSize: 9}, 4, []int{4, 4, 2}},
		"an empty page that is not last": {awsfake.Settings{EmptyFirstPage: true}, 100, []int{0, 10}},
		"an empty page and short ones":   {awsfake.Settings{EmptyFirstPage: true, PageSize: 6}, 100, []int{0, 6, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
				g := NewWithT(t)
				g.Expect(control.Seed(t.Context(), awsfake.Seed{Roles: 9})).To(Succeed())
				g.Expect(control.Configure(t.Context(), row.settings)).To(Succeed())
				roles, details := []int{}, []int{}
				pages := iam.NewListRolesPaginator(f.iam, &iam.ListRolesInput{MaxItems: &row.ask})
				for pages.HasMorePages() {
					page, err := pages.NextPage(t.Context())
					g.Expect(err).NotTo(HaveOccurred())
					roles = append(roles, len(page.Roles))
				}
				g.Expect(roles).To(Equal(row.want))
				all := iam.NewGetAccountAuthorizationDetailsPaginator(f.iam, &iam.GetAccountAuthorizationDetailsInput{
					MaxItems: &row.ask, Filter: []types.EntityType{types.EntityTypeRole},
				})
				for all.HasMorePages() {
					page, err := all.NextPage(t.Context())
					g.Expect(err).NotTo(HaveOccurred())
					details = append(details, len(page.RoleDetailList))
				}
				g.Expect(details).To(Equal(row.want))
			})
		})
	}
}

func TestCredentialsEndAsSoonAsSet(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		g.Expect(control.Configure(t.Context(), awsfake.Settings{MaxExpiration: awsfake.Duration(time.Minute)})).To(Succeed())
		answer, err := f.assume(t, nil, nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(*answer.Credentials.Expiration).To(Equal(f.now().Add(time.Minute)))
		holder := f.stsAs(*answer.Credentials.AccessKeyId, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken)
		f.advance(time.Minute - time.Second)
		_, err = holder.GetCallerIdentity(t.Context(), nil)
		g.Expect(err).NotTo(HaveOccurred())
		f.advance(time.Second)
		_, err = holder.GetCallerIdentity(t.Context(), nil)
		g.Expect(codeOf(g, err)).To(Equal("ExpiredToken"))
	})
}

func TestALongMaximumLeavesTheEndAlone(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{MaxExpiration: awsfake.Duration(2 * time.Hour)})).To(Succeed())
	answer, err := f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*answer.Credentials.Expiration).To(Equal(f.now().Add(time.Hour)))
}

func TestSeedingFillsAnAccountAndInventoryTellsWhatIsThere(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		const foreign = 2500
		g.Expect(control.Seed(t.Context(), awsfake.Seed{Roles: foreign, Buckets: []string{"reports"}})).To(Succeed())
		g.Expect(control.Seed(t.Context(), awsfake.Seed{Roles: 10})).To(Succeed(), "what is there is left")
		_, err := f.iam.TagSAMLProvider(t.Context(), &iam.TagSAMLProviderInput{
			SAMLProviderArn: &f.providerARN, Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("a")}},
		})
		g.Expect(err).NotTo(HaveOccurred())

		inventory, err := control.Inventory(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(inventory.Roles).To(HaveLen(foreign + 1))
		g.Expect(inventory.SAMLProviders).To(Equal([]awsfake.InventoryItem{{ARN: f.providerARN, Tags: map[string]string{"owner": "a"}}}))
		g.Expect(inventory.Buckets).To(Equal([]awsfake.InventoryItem{{ARN: "arn:aws:s3:::reports"}}))

		details := map[string]types.RoleDetail{}
		pages := iam.NewGetAccountAuthorizationDetailsPaginator(f.iam, &iam.GetAccountAuthorizationDetailsInput{
			Filter: []types.EntityType{types.EntityTypeRole}, MaxItems: aws.Int32(1000),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			for _, role := range page.RoleDetailList {
				details[*role.RoleName] = role
			}
		}
		g.Expect(details).To(HaveLen(foreign + 1))
		paths, trusts, inline, tags := map[string]bool{}, map[string]bool{}, map[int]bool{}, map[int]bool{}
		for i := range foreign {
			role, found := details[fmt.Sprintf("foreign-%05d", i)]
			g.Expect(found).To(BeTrue())
			paths[*role.Path], trusts[*role.AssumeRolePolicyDocument] = true, true
			inline[len(role.RolePolicyList)], tags[len(role.Tags)] = true, true
		}
		g.Expect([]int{len(paths), len(trusts), len(inline), len(tags)}).To(Equal([]int{6, 5, 3, 5}), "paths, trust policies, inline policies, tags")
	})
}

func TestASeedThatMakesNoSenseIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		seed awsfake.Seed
		want string
	}{
		"too many roles":                 {awsfake.Seed{Roles: 10001}, "not from 0 to 10000"},
		"a prefix that no name may have": {awsfake.Seed{Roles: 1, RolePrefix: "a b"}, "rolePrefix"},
		"an account that is not there":   {awsfake.Seed{AccountID: "444455556666"}, "not one that exists"},
		"a bucket that S3 does not name": {awsfake.Seed{Buckets: []string{"Reports"}}, "bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, _ *federation, control awsfake.Control) {
				NewWithT(t).Expect(control.Seed(t.Context(), row.seed)).To(MatchError(ContainSubstring(row.want)))
			})
		})
	}
}
