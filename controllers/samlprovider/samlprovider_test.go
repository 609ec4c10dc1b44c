package samlprovider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/cabundle"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/internal/tlsca"
)

func TestAProviderBecomesReady(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.startPods()
	w.settle()

	p := w.provider()
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionKeysReady, v1alpha1.ConditionProvidersSynced, v1alpha1.ConditionWorkloadReady} {
		g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, kind)).To(BeTrue(), kind)
	}
	g.Expect(meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReconciling)).To(BeNil())
	g.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation))
	g.Expect(p.Finalizers).To(ConsistOf(Finalizer))

	held := w.iam.providers[arn]
	g.Expect(held.Tags).To(Equal(map[string]string{
		awsiam.TagClusterUID: clusterUID,
		awsiam.TagObjectUID:  string(p.UID),
		awsiam.TagName:       "corp",
	}))
	g.Expect(p.Status.Keys).To(HaveLen(1))
	g.Expect(p.Status.Accounts).To(ConsistOf(SatisfyAll(
		HaveField("ID", "111122223333"),
		HaveField("ProviderARN", arn),
		HaveField("State", v1alpha1.AccountSynced),
		HaveField("ActiveKey", p.Status.Keys[0].ID),
		HaveField("MetadataHash", hashOf(held.Metadata)),
	)))
	g.Expect(p.Status.Audience).To(Equal("attache.dev/corp"))
	g.Expect(p.Status.DelegationURL).To(Equal("https://attache-corp.attache-system.svc/delegation"))
}

func TestAnUnchangedProviderIsNotWrittenAndIAMIsNotAsked(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.startPods()
	w.settle()

	w.writes, w.iam.calls = 0, nil
	for range 20 {
		w.now = w.now.Add(time.Minute)
		result, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.RequeueAfter).To(BeNumerically(">", 0))
		g.Expect(result.RequeueAfter).To(BeNumerically("<=", Recheck*11/10))
	}
	g.Expect(w.writes).To(BeZero())
	g.Expect(w.iam.calls).To(BeEmpty())

	w.now = w.now.Add(Recheck)
	w.settle()
	g.Expect(w.iam.calls).To(Equal([]string{"Get"}), "IAM is asked again after the recheck interval")
}

// TestEachAnswerOfIAM has IAM fail in each way, and goes through the outcomes' table.
func TestEachAnswerOfIAM(t *testing.T) {
	for kind, name := range outcomeOfKind {
		want := outcomes[name]
		operation := "Create"
		if kind == awsiam.NotFound {
			operation = "Update" // the provider went away between Get and Update
		}
		t.Run(fmt.Sprintf("%s of %s is told as %s", kind, operation, want.Reason), func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			if operation == "Update" {
				w.settle()
				w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: "drifted", Tags: w.iam.providers[arn].Tags}
				w.now = w.now.Add(2 * Recheck)
			}
			w.iam.fails[operation] = iamError(kind)
			result := w.settle()

			told := w.condition(v1alpha1.ConditionProvidersSynced)
			g.Expect(told.Status).To(Equal(metav1.ConditionFalse))
			g.Expect(told.Reason).To(Equal(want.Reason))
			g.Expect(told.Message).To(ContainSubstring("in AWS's words"))
			g.Expect(told.Message).NotTo(ContainSubstring("r-1"), "a request ID would make each condition another one")
			ready := w.condition(v1alpha1.ConditionReady)
			g.Expect(ready.Reason).To(Equal(want.Reason))
			stalled := w.condition(v1alpha1.ConditionStalled).Status == metav1.ConditionTrue
			g.Expect(stalled).To(Equal(want.Progress == status.Stalled))
			g.Expect(w.condition(v1alpha1.ConditionReconciling).Status == metav1.ConditionTrue).To(Equal(want.Progress == status.Retrying))
			g.Expect(w.events()).To(ContainElement(HavePrefix("Warning " + want.Reason)))

			if want.Retry == status.Never {
				g.Expect(w.provider().Status.ObservedGeneration).To(Equal(w.provider().Generation))
			} else {
				g.Expect(result.RequeueAfter).To(BeNumerically("~", want.Retry.First, want.Retry.First/5))
			}

			// AWS being in the way holds up nothing else.
			g.Expect(w.condition(v1alpha1.ConditionKeysReady).Status).To(Equal(metav1.ConditionTrue))
			w.startPods()
			w.iam.calls = nil
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(w.iam.calls).To(BeEmpty(), "another cause does not ask IAM before its time")

			// It recovers: of itself when it is time, or when the spec changes.
			delete(w.iam.fails, operation)
			if want.Retry == status.Never {
				w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Workload.Replicas = ptr.To[int32](2) })
			} else {
				w.now = w.now.Add(2 * want.Retry.First)
			}
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
		})
	}
}

func TestEveryOutcomeIsDocumentedAndHasItsOwnCondition(t *testing.T) {
	g := NewWithT(t)
	kinds := []string{v1alpha1.ConditionReady, v1alpha1.ConditionKeysReady, v1alpha1.ConditionProvidersSynced, v1alpha1.ConditionWorkloadReady}
	for name, row := range outcomes {
		g.Expect(row.Meaning).NotTo(BeEmpty(), string(name))
		g.Expect(kinds).To(ContainElement(row.Condition), string(name))
		g.Expect(row.Reason).NotTo(BeEmpty(), string(name))
		if row.Progress == status.Retrying {
			g.Expect(row.Retry).NotTo(Equal(status.Never), "%s would never be tried again", name)
		}
	}
	for _, kind := range []awsiam.Kind{awsiam.Throttled, awsiam.Conflict, awsiam.Denied, awsiam.NotFound, awsiam.AlreadyExists, awsiam.Invalid, awsiam.Unavailable, awsiam.NoCredentials} {
		g.Expect(outcomes).To(HaveKey(outcomeOfKind[kind]))
	}
}

func TestThrottlingBacksOffFurtherEachTime(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.iam.fails["Get"] = iamError(awsiam.Throttled)
	var delays []time.Duration
	for range 8 {
		result := w.settle()
		delays = append(delays, result.RequeueAfter)
		w.now = w.now.Add(result.RequeueAfter)
	}
	g.Expect(slices.IsSorted(delays[:6])).To(BeTrue(), "%v", delays)
	g.Expect(delays[7]).To(BeNumerically("~", 5*time.Minute, 30*time.Second))
}

func TestADenialNamesTheMissingAction(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.iam.fails["Create"] = &awsiam.Error{Kind: awsiam.Denied, Operation: "CreateSAMLProvider", Action: "iam:TagSAMLProvider", Code: "AccessDenied", Message: "not authorized"}
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(ContainSubstring("lacks iam:TagSAMLProvider"))
	g.Expect(w.events()).To(ContainElement(ContainSubstring("iam:TagSAMLProvider")))
}

func TestTheLedgerIsWrittenBeforeIAMIsAskedToCreate(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	_, err := w.reconcile()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.iam.calls).To(Equal([]string{"Get"}))
	g.Expect(w.provider().Status.Accounts).To(ConsistOf(v1alpha1.AccountStatus{ID: "111122223333", ProviderARN: arn, State: v1alpha1.AccountCreating}))
}

func TestWithoutALedgerNothingIsCreated(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.refuse = func(o client.Object) error {
		if p, ok := o.(*v1alpha1.SAMLProvider); ok && len(p.Status.Accounts) > 0 {
			return errors.New("the API server is away")
		}
		return nil
	}
	for range 3 {
		_, err := w.reconcile()
		g.Expect(err).To(MatchError(ContainSubstring("the API server is away")))
	}
	g.Expect(w.iam.providers).To(BeEmpty())
	g.Expect(w.iam.calls).NotTo(ContainElement("Create"))
}

func TestAnOperatorThatDiedFindsItsProviderAgain(t *testing.T) {
	for _, row := range []struct {
		name string
		// died is what the operator had done.
		died func(*world)
	}{
		{"between the ledger and IAM", func(*world) {}},
		{"between IAM and the ledger", func(w *world) {
			owner := newScope(w.provider(), namespace, clusterUID).owner
			w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: "of before", Tags: owner.Tags()}
		}},
		{"and its status was lost", func(w *world) {
			w.settle()
			p := w.provider()
			p.Status = v1alpha1.SAMLProviderStatus{}
			if err := w.client.Status().Update(w.t.Context(), p); err != nil {
				w.t.Fatal(err)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			_, err := w.reconcile() // writes the ledger
			g.Expect(err).NotTo(HaveOccurred())
			row.died(w)
			w.restartOperator()
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(w.iam.providers).To(HaveLen(1))
			g.Expect(w.provider().Status.Accounts[0].MetadataHash).To(Equal(hashOf(w.iam.providers[arn].Metadata)))
		})
	}
}

func TestAForeignProviderIsNeverTouched(t *testing.T) {
	foreign := awsiam.SAMLProvider{Metadata: "somebody else's", Tags: map[string]string{"team": "identity"}}
	for _, row := range []struct {
		name    string
		appears func(*world)
	}{
		{"that was there before", func(w *world) { w.iam.providers[arn] = foreign }},
		{"that appeared after the ledger was written", func(w *world) {
			if _, err := w.reconcile(); err != nil {
				w.t.Fatal(err)
			}
			w.iam.providers[arn] = foreign
		}},
		{"of the same object in another cluster", func(w *world) {
			other := awsiam.Owner{ClusterUID: "another", ObjectUID: string(w.provider().UID), Name: "corp"}
			w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: foreign.Metadata, Tags: other.Tags()}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			row.appears(w)
			result := w.settle()
			g.Expect(result.RequeueAfter).To(BeNumerically("~", Recheck, Recheck/5))
			g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))
			g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(And(ContainSubstring(arn), ContainSubstring("delete it in IAM"), ContainSubstring(awsiam.TagObjectUID)))
			g.Expect(w.provider().Status.ObservedGeneration).To(Equal(w.provider().Generation), "kstatus: Stalled moves it")

			w.delete()
			w.settle()
			g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
			g.Expect(w.iam.providers[arn].Metadata).To(Equal(foreign.Metadata))
			g.Expect(w.iam.calls).NotTo(Or(ContainElement("Update"), ContainElement("Delete")))
		})
	}
}

func TestMetadataThatDriftedIsPutBack(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	want := w.iam.providers[arn].Metadata
	w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: "drifted", Tags: w.iam.providers[arn].Tags}
	w.now = w.now.Add(Recheck)
	w.settle()
	g.Expect(w.iam.providers[arn].Metadata).To(Equal(want))
}

func TestAProviderThatIsGoneFromIAMIsMadeAgain(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	delete(w.iam.providers, arn)
	w.now = w.now.Add(Recheck)
	w.settle()
	g.Expect(w.iam.providers).To(HaveKey(arn))
	g.Expect(w.provider().Status.Accounts[0].State).To(Equal(v1alpha1.AccountSynced))
}

func TestAnotherPartitionWouldLoseTheProvider(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Region = "cn-north-1" })
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionStalled).Message).To(ContainSubstring("change it back"))
	g.Expect(w.iam.providers).To(HaveLen(1))
	g.Expect(w.provider().Status.Accounts[0].ProviderARN).To(Equal(arn))
}

func TestDeletion(t *testing.T) {
	t.Run("takes the provider, then the keys, then the object", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.delete()
		_, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.provider().Status.Accounts[0].State).To(Equal(v1alpha1.AccountDeleting), "the ledger says so first")
		g.Expect(w.iam.providers).To(HaveKey(arn))
		g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonDeleting))

		w.settle()
		g.Expect(w.iam.providers).To(BeEmpty())
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: keys.SecretName("corp")}, &corev1.Secret{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
	})

	for _, operation := range []string{"Get", "Delete"} {
		t.Run("that IAM denies at "+operation+" names the action, keeps the keys and goes on trying", func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			w.iam.fails[operation] = iamError(awsiam.Denied)
			w.delete()
			result := w.settle()
			g.Expect(result.RequeueAfter).To(BeNumerically("~", 5*time.Minute, time.Minute))
			g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonAccessDenied))
			g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(ContainSubstring("lacks iam:SomeSAMLProvider"))
			g.Expect(w.keySecret().Finalizers).To(ConsistOf(KeysFinalizer))
			g.Expect(w.provider().Finalizers).To(ConsistOf(Finalizer))

			delete(w.iam.fails, operation)
			w.now = w.now.Add(10 * time.Minute)
			w.settle()
			g.Expect(w.iam.providers).To(BeEmpty())
			g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
		})
	}

	t.Run("of what lost its tags waits for a person", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: w.iam.providers[arn].Metadata}
		w.delete()
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))
		g.Expect(w.iam.providers).To(HaveKey(arn))

		delete(w.iam.providers, arn)
		w.now = w.now.Add(2 * Recheck)
		w.settle()
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
	})

	t.Run("of an object whose status was lost still takes its provider", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		p := w.provider()
		p.Status = v1alpha1.SAMLProviderStatus{}
		g.Expect(w.client.Status().Update(t.Context(), p)).To(Succeed())
		w.delete()
		w.settle()
		g.Expect(w.iam.providers).To(BeEmpty())
	})

	t.Run("without any AWS access does not wait when nothing was ever asked of IAM", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.iam.fails["Get"] = iamError(awsiam.NoCredentials)
		w.settle()
		w.delete()
		w.settle()
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
	})
}

func TestKeys(t *testing.T) {
	t.Run("are made once", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		before := w.keySecret().Data
		w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Workload.Replicas = ptr.To[int32](3) })
		w.restartOperator()
		w.settle()
		g.Expect(w.keySecret().Data).To(Equal(before))
		g.Expect(w.keySecret().OwnerReferences).To(BeEmpty())
		g.Expect(w.keySecret().Finalizers).To(ConsistOf(KeysFinalizer))
	})

	for name, spoil := range map[string]func(*corev1.Secret){
		"that cannot be read": func(s *corev1.Secret) {
			for k := range maps.Clone(s.Data) {
				s.Data[k] = []byte("garbage")
			}
		},
		"that are empty": func(s *corev1.Secret) { s.Data = nil },
		"that are others than IAM trusts": func(s *corev1.Secret) {
			other, err := keys.Generate(nil, "corp", time.Now())
			if err != nil {
				panic(err)
			}
			if s.Data, err = keys.ToSecretData([]keys.Key{other}); err != nil {
				panic(err)
			}
		},
	} {
		t.Run(name+" stall, and IAM keeps what it has", func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			good, trusted := w.keySecret(), w.iam.providers[arn]
			bad := good.DeepCopy()
			spoil(bad)
			g.Expect(w.client.Update(t.Context(), bad)).To(Succeed())
			w.now = w.now.Add(2 * Recheck)
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonKeyInvalid))
			g.Expect(w.condition(v1alpha1.ConditionKeysReady).Message).To(And(ContainSubstring("attache-system/attache-corp-keys"), ContainSubstring("restore the Secret")))
			g.Expect(w.iam.providers[arn]).To(Equal(trusted))
			g.Expect(w.keySecret().Data).To(Equal(bad.Data), "never written over")

			restored := w.keySecret()
			restored.Data = good.Data
			g.Expect(w.client.Update(t.Context(), restored)).To(Succeed())
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionKeysReady).Status).To(Equal(metav1.ConditionTrue))
		})
	}

	t.Run("that somebody deletes come back the same", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		before := w.keySecret()
		g.Expect(w.client.Delete(t.Context(), before)).To(Succeed())
		g.Expect(w.keySecret().DeletionTimestamp).NotTo(BeNil())
		w.settle()
		g.Expect(w.keySecret().Data).To(Equal(before.Data))
		g.Expect(w.keySecret().DeletionTimestamp).To(BeNil())
		g.Expect(w.condition(v1alpha1.ConditionKeysReady).Status).To(Equal(metav1.ConditionTrue))
	})

	t.Run("that are gone for good are not replaced in silence", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret := w.keySecret()
		secret.Finalizers = nil
		g.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
		g.Expect(w.client.Delete(t.Context(), secret)).To(Succeed())
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonKeyInvalid))
	})

	t.Run("get their finalizer and labels back", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret := w.keySecret()
		secret.Finalizers, secret.Labels = nil, map[string]string{"mine": "stays"}
		g.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
		w.settle()
		g.Expect(w.keySecret().Finalizers).To(ConsistOf(KeysFinalizer))
		g.Expect(w.keySecret().Labels).To(And(HaveKeyWithValue(deploy.LabelProvider, "corp"), HaveKeyWithValue("mine", "stays")))
	})
}

func TestTheServingCertificate(t *testing.T) {
	serving := func(w *world) (*corev1.Secret, *tlsca.Serving) {
		secret := &corev1.Secret{}
		w.get(deploy.TLSSecretName("corp"), secret)
		s, err := tlsca.ParseServing(secret.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		return secret, s
	}
	t.Run("is for the names of the Service", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret, s := serving(w)
		g.Expect(secret.Type).To(Equal(corev1.SecretTypeTLS))
		g.Expect(s.Certificate.DNSNames).To(ConsistOf("attache-corp.attache-system.svc", "attache-corp.attache-system", "attache-corp.attache-system.svc.cluster.local", "attache-corp"))
		g.Expect(metav1.IsControlledBy(secret, w.provider())).To(BeTrue())
	})
	t.Run("is renewed in time", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		_, before := serving(w)
		w.now = w.now.Add(61 * 24 * time.Hour)
		w.settle()
		_, after := serving(w)
		g.Expect(after.Certificate.NotAfter).To(BeTemporally(">", before.Certificate.NotAfter))
	})
	t.Run("is repaired when touched", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret, _ := serving(w)
		secret.Data[tlsca.CertificateKey] = []byte("garbage")
		secret.Labels, secret.OwnerReferences = nil, nil
		g.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
		w.settle()
		secret, _ = serving(w)
		g.Expect(secret.Labels).To(HaveKeyWithValue(deploy.LabelProvider, "corp"))
		g.Expect(metav1.IsControlledBy(secret, w.provider())).To(BeTrue())
	})
	t.Run("waits for the authority", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		ca := &corev1.Secret{}
		w.get(cabundle.Name, ca)
		g.Expect(w.client.Delete(t.Context(), ca)).To(Succeed())
		w.settle()
		w.startPods()
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Message).To(ContainSubstring("certificate authority"))
	})
}

func TestServing(t *testing.T) {
	s := newScope(&v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp"},
		Spec:       v1alpha1.SAMLProviderSpec{Accounts: []v1alpha1.Account{{ID: "111122223333", Region: "eu-west-1"}}},
	}, namespace, clusterUID)
	for _, row := range []struct {
		name   string
		status appsv1.DeploymentStatus
		want   outcome
	}{
		{"no pods", appsv1.DeploymentStatus{ObservedGeneration: 2}, notServing},
		{"one of two pods", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1}, rollingOut},
		{"all pods of the former spec", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, AvailableReplicas: 2}, rollingOut},
		{"a spec that the Deployment controller has not seen", appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, rollingOut},
		{"an old pod that is still going", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 2, AvailableReplicas: 3}, rollingOut},
		{"all pods of the current spec", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, available},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: row.status}
			NewWithT(t).Expect(serving(d, s).Outcome).To(Equal(outcomes[row.want]))
		})
	}
}

func TestObjectsOfOthersAreNotTakenOver(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	theirs := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deploy.Name("corp"), Labels: map[string]string{"team": "identity"}}}
	w.create(theirs)
	_, err := w.reconcile()
	g.Expect(err).To(MatchError(ContainSubstring("ServiceAccount attache-system/attache-corp exists and was not made for corp")))
	g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Reason).To(Equal(v1alpha1.ReasonKubernetesError))
	w.get(deploy.Name("corp"), theirs)
	g.Expect(theirs.OwnerReferences).To(BeEmpty())
}

func TestSecretsCallTheirProvider(t *testing.T) {
	w := newWorld(t)
	corp := []ctrl.Request{{NamespacedName: client.ObjectKey{Name: "corp"}}}
	for _, row := range []struct {
		namespace, name string
		want            []ctrl.Request
	}{
		{namespace, "attache-corp-keys", corp},
		{namespace, "attache-corp-tls", corp},
		{namespace, "attache-ca", corp},
		{namespace, "attache-corp", nil},
		{namespace, "other-corp-keys", nil},
		{"elsewhere", "attache-corp-keys", nil},
	} {
		t.Run(row.namespace+"/"+row.name, func(t *testing.T) {
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: row.namespace, Name: row.name}}
			NewWithT(t).Expect(w.reconciler.providersOfSecret(t.Context(), secret)).To(Equal(row.want))
		})
	}
}

func (w *world) events() []string {
	var all []string
	for {
		select {
		case e := <-w.recorder.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}
