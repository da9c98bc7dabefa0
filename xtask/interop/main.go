// Interop submits an entry to a running log and checks the tlog-proof it answers with, using only other people's
// libraries for the proof, the checkpoint, the note and the tree.
//
//	interop -log URL -vkey VKEY -entry FILE [-out FILE]
//
// It ends with 0 if the proof holds and with 1 if it does not. As a control it also changes one bit of the entry, and
// demands that the same proof then fails: a checker that accepts everything would prove nothing.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	url := flag.String("log", "", "where the log listens")
	vkey := flag.String("vkey", "", "the log's key")
	entry := flag.String("entry", "", "file with the bytes of a log entry")
	out := flag.String("out", "", "file to write the proof to")
	flag.Parse()
	if err := run(*url, *vkey, *entry, *out); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(url, vkey, entryFile, out string) error {
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("vkey: %w", err)
	}
	text, err := submit(url, entry)
	if err != nil {
		return err
	}
	if out != "" {
		if err := os.WriteFile(out, text, 0o644); err != nil {
			return err
		}
	}
	index, size, err := check(text, entry, verifier)
	if err != nil {
		return err
	}
	entry[len(entry)-1] ^= 1
	if _, _, err := check(text, entry, verifier); err == nil {
		return fmt.Errorf("a changed entry passed the same check")
	}
	fmt.Printf("entry %d of %d verified; a changed entry did not\n", index, size)
	return nil
}

// submit posts the entry and returns the proof that the log answers with, for a new entry or for one it has.
func submit(url string, entry []byte) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, url+"/api/v1/entries", bytes.NewReader(entry))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/cose")
	request.Header.Set("Accept", "text/x.tlog-proof")
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("the log answered %s: %s", response.Status, body)
	}
	return body, nil
}

// check verifies proof text against entry and log key, and returns the entry's index and the size of the tree.
func check(text, entry []byte, verifier note.Verifier) (uint64, uint64, error) {
	var parsed proof.TLogProof
	if err := parsed.Unmarshal(text); err != nil {
		return 0, 0, fmt.Errorf("proof: %w", err)
	}
	if !bytes.Equal(parsed.Marshal(), text) {
		return 0, 0, fmt.Errorf("proof: written back differently")
	}
	checkpoint, _, _, err := log.ParseCheckpoint(parsed.Checkpoint, verifier.Name(), verifier)
	if err != nil {
		return 0, 0, fmt.Errorf("checkpoint: %w", err)
	}
	hashes := make([][]byte, len(parsed.Hashes))
	for i := range parsed.Hashes {
		hashes[i] = parsed.Hashes[i][:]
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	err = merkle.VerifyInclusion(rfc6962.DefaultHasher, parsed.Index, checkpoint.Size, leaf, hashes, checkpoint.Hash)
	if err != nil {
		return 0, 0, fmt.Errorf("inclusion: %w", err)
	}
	return parsed.Index, checkpoint.Size, nil
}
