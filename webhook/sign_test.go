package webhook_test

import (
	"testing"
	"time"

	"cohort/webhook"
)

// The example of the Standard Webhooks libraries, so that theirs and ours agree.
func TestSign(t *testing.T) {
	const secret, id, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`
	at := time.Unix(1614265330, 999)
	got, err := webhook.Sign(id, at, []byte(body), secret)
	if err != nil {
		t.Fatal(err)
	}
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	two, err := webhook.Sign(id, at, []byte(body), "whsec_AAAA", secret)
	if err != nil || len(two) != 2*len(got)+1 || two[len(got)+1:] != got {
		t.Errorf("by two secrets: %s, %v", two, err)
	}
	if _, err := webhook.Sign(id, at, nil, "whsec_?"); err == nil {
		t.Error("signed with a secret that is none")
	}
}
