// Receives callbacks of Millrace: checks who sent them, takes each event once, prints it. Go 1.19 or newer, no modules.
//	MILLRACE_CALLBACK_SECRET=whsec_… PORT=9000 go run receiver.go
package main

import ("crypto/hmac"; "crypto/sha256"; "encoding/base64"; "fmt"; "io"; "log"; "net/http"; "os"; "strconv"; "strings"; "sync"; "time")

// Two while a secret is replaced: the new one and the former one, with a blank between them.
var secrets = strings.Fields(os.Getenv("MILLRACE_CALLBACK_SECRET"))
var seen sync.Map // In earnest these belong into the database, in the transaction that acts on the event.

func isGenuine(header http.Header, body []byte) bool {
	id, at := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age.Abs() > 5*time.Minute {
		return false
	}
	for _, secret := range secrets {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for _, given := range strings.Fields(header.Get("webhook-signature")) {
			if len(key) > 0 && hmac.Equal([]byte(given), []byte(want)) { return true }
		}
	}
	return false
}

func main() {
	port := os.Getenv("PORT")
	if port == "" { port = "9000" }
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
		if err != nil || !isGenuine(r.Header, body) { w.WriteHeader(401); return }
		if _, again := seen.LoadOrStore(r.Header.Get("webhook-id"), true); !again {
			fmt.Println(r.Header.Get("webhook-id"), string(body))
		}
		w.WriteHeader(204)
	})))
}
