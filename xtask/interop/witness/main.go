// A log of other people's under our witness: Tessera on a POSIX file system, cosigned by the witness that is named, and every answer
// judged by their libraries.
//
//	witness -keygen ORIGIN                 prints a signing key and its vkey
//	witness -url URL -vkey VKEY ...        runs the log, adds entries, and reads what the witness shows of it
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"filippo.io/mldsa"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

var (
	keygen  = flag.String("keygen", "", "make a key for this origin and end")
	skey    = flag.String("skey", "", "signing key of the log")
	url     = flag.String("url", "", "where the witness listens, without a / at the end")
	vkey    = flag.String("vkey", "", "Ed25519 verifier key of the witness")
	mlvkey  = flag.String("ml-dsa-vkey", "", "ML-DSA-44 verifier key of the witness")
	dir     = flag.String("dir", "", "where the log lies")
	entries = flag.Int("entries", 50, "how many entries, one after the other")
)

func main() {
	flag.Parse()
	if *keygen != "" {
		secret, public, err := note.GenerateKey(rand.Reader, *keygen)
		must(err)
		fmt.Println(secret)
		fmt.Println(public)
		return
	}
	signer, err := note.NewSigner(*skey)
	must(err)
	group, err := tessera.NewWitnessGroupFromPolicy([]byte(fmt.Sprintf("witness w1 %s %s\nquorum w1\n", *vkey, *url)))
	must(err)
	ctx := context.Background()
	driver, err := posix.New(ctx, posix.Config{Path: *dir})
	must(err)
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(100*time.Millisecond).
		WithBatching(1, 10*time.Millisecond).
		WithWitnesses(group, &tessera.WitnessOptions{Timeout: 5 * time.Second})
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	must(err)
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 20*time.Millisecond)
	var published []byte
	for i := range *entries {
		_, published, err = awaiter.Await(ctx, appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d of %d", i, time.Now().UnixNano()))))
		must(err)
	}
	must(shutdown(ctx))

	// What the log publishes is cosigned, and what the witness shows is the same tree.
	witness, err := fnote.NewVerifierForCosignatureV1(*vkey)
	must(err)
	ours := strings.SplitN(string(published), "\n", 2)[0]
	shown := fetch(fmt.Sprintf("%s/%x/checkpoint", *url, sha256.Sum256([]byte(ours))))
	for _, cosigned := range [][]byte{published, shown} {
		opened, err := note.Open(cosigned, note.VerifierList(witness))
		must(err)
		if len(opened.Sigs) != 1 {
			log.Fatalf("%d cosignatures, wanted 1", len(opened.Sigs))
		}
	}
	body := func(signed []byte) string { return strings.SplitN(string(signed), "\n\n", 2)[0] }
	if body(shown) != body(published) {
		log.Fatalf("the witness shows another checkpoint:\n%s\nthe log published:\n%s", shown, published)
	}
	words := ""
	if *mlvkey != "" {
		mlDsa(shown)
		words = ", with ML-DSA-44 too"
	}
	fmt.Printf("%d entries, each under a cosigned checkpoint%s; size %s\n", *entries, words, strings.Split(string(shown), "\n")[1])
}

// mlDsa verifies the 0x06 line of a checkpoint over the message of c2sp.org/tlog-cosignature.
func mlDsa(signed []byte) {
	parts := strings.SplitN(*mlvkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	must(err)
	public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), key[1:])
	must(err)
	lines := strings.Split(strings.TrimSuffix(string(signed), "\n"), "\n")
	id := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	for _, line := range lines {
		fields := strings.Split(line, " ")
		if len(fields) != 3 || fields[1] != parts[0] {
			continue
		}
		bytesOf, err := base64.StdEncoding.DecodeString(fields[2])
		must(err)
		if !bytes.Equal(bytesOf[:4], id[:4]) {
			continue
		}
		root, err := base64.StdEncoding.DecodeString(lines[2])
		must(err)
		var size uint64
		_, err = fmt.Sscanf(lines[1], "%d", &size)
		must(err)
		message := []byte("subtree/v1\n\x00")
		message = append(message, byte(len(parts[0])))
		message = append(message, parts[0]...)
		message = append(message, bytesOf[4:12]...)
		message = append(message, byte(len(lines[0])))
		message = append(message, lines[0]...)
		message = binary.BigEndian.AppendUint64(message, 0)
		message = binary.BigEndian.AppendUint64(message, size)
		message = append(message, root...)
		must(mldsa.Verify(public, message, bytesOf[12:], nil))
		message[len(message)-1] ^= 1
		if mldsa.Verify(public, message, bytesOf[12:], nil) == nil {
			log.Fatal("the same signature fits another root")
		}
		return
	}
	log.Fatalf("no ML-DSA-44 line in\n%s", signed)
}

func fetch(at string) []byte {
	answer, err := http.Get(at)
	must(err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	must(err)
	if answer.StatusCode != http.StatusOK {
		log.Fatalf("%s: %d %s", at, answer.StatusCode, said)
	}
	return said
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
