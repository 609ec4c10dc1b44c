package idp_test

import (
	"testing"

	"attache.dev/attache/test/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Run(m, func(e *testenv.Env) { env = e }) }
