// The other side of test/witness/interop.test.ts: Go's own signed notes and transparency logs (golang.org/x/mod/sumdb) read a
// running witness over HTTPS, prove every entry and every earlier tree, and, as a log of Go's making, ask it to cosign.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles of C2SP are of this height, and their paths do not name it.
const height = 8

type cosigner struct {
	Name  string
	KeyId uint32
	Key   []byte
}

// verifier of cosignature/v1 (c2sp.org/tlog-cosignature), which sumdb/note does not know.
type verifier struct{ cosigner }

func (v verifier) Name() string    { return v.cosigner.Name }
func (v verifier) KeyHash() uint32 { return v.KeyId }
func (v verifier) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(v.Key, []byte(signed), sig[8:])
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

var client *http.Client

func get(url string) []byte {
	reply := must(client.Get(url))
	defer reply.Body.Close()
	if reply.StatusCode != 200 {
		must(0, fmt.Errorf("%s: %s", url, reply.Status))
	}
	return must(io.ReadAll(reply.Body))
}

// What was read stays: full tiles never change, and a client of a log keeps them.
var kept = map[string][]byte{}

func getOnce(url string) []byte {
	if kept[url] == nil {
		kept[url] = get(url)
	}
	return kept[url]
}

type tiles struct{ url string }

func (tiles) Height() int                     { return height }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) (out [][]byte, err error) {
	for _, one := range wanted {
		out = append(out, getOnce(t.url+"/"+strings.Replace(one.Path(), "tile/8/", "tile/", 1)))
	}
	return out, nil
}

// A log whose origin is the name of its key: origin, size, root.
func parse(text string) tlog.Tree {
	lines := strings.Split(text, "\n")
	var tree tlog.Tree
	tree.N = must(strconv.ParseInt(lines[1], 10, 64))
	copy(tree.Hash[:], must(base64.StdEncoding.DecodeString(lines[2])))
	return tree
}

type asked struct {
	// The witness's address, the authority of its TLS certificate, the log's vkey and who must have cosigned.
	Url, Authority, Vkey string
	Cosigners            []cosigner
	// Sizes of earlier trees that are read by their own tiles.
	Olds []int64
	// Of a log of Go's own: its signing key, and the witness that is to cosign it.
	Skey    string
	Witness cosigner
	Third   string
}

type answer struct {
	Size    int64
	Signers []string
	// Every entry, proven to be in the tree.
	Entries []string
	// Earlier trees that were read by their own tiles.
	Olds []int64
	// How many earlier trees were proven to be in this one.
	Earlier int
	// Sizes of Go's own log that the witness cosigned.
	Cosigned []int64
}

func readLog(in asked, out *answer) {
	verifiers := []note.Verifier{must(note.NewVerifier(in.Vkey))}
	for _, one := range in.Cosigners {
		verifiers = append(verifiers, verifier{one})
	}
	opened := must(note.Open(get(in.Url+"/checkpoint"), note.VerifierList(verifiers...)))
	for _, one := range opened.Sigs {
		out.Signers = append(out.Signers, one.Name)
	}
	tree := parse(opened.Text)
	out.Size = tree.N
	read := tlog.TileHashReader(tree, tiles{in.Url})
	for first := int64(0); first < tree.N; first += 1 << height {
		width := tree.N - first
		if width > 1<<height {
			width = 1 << height
		}
		path := strings.Replace(tlog.Tile{H: height, L: -1, N: first >> height, W: int(width)}.Path(), "tile/8/data/", "tile/entries/", 1)
		bundle := getOnce(in.Url + "/" + path)
		for i := first; i < first+width; i++ {
			length := int(binary.BigEndian.Uint16(bundle))
			leaf := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			proof := must(tlog.ProveRecord(tree.N, i, read))
			must(0, tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(leaf)))
			out.Entries = append(out.Entries, string(leaf))
		}
		if len(bundle) != 0 {
			must(0, fmt.Errorf("the bundle holds more than the tree"))
		}
	}
	// As whoever saw an earlier checkpoint reads on: by the tiles of that tree, also those that were not full then.
	for _, old := range in.Olds {
		then := tlog.Tree{N: old, Hash: must(tlog.TreeHash(old, read))}
		readThen := tlog.TileHashReader(then, tiles{in.Url})
		for i := int64(0); i < old; i += 50 {
			must(0, tlog.CheckRecord(must(tlog.ProveRecord(old, i, readThen)), old, then.Hash, i, tlog.RecordHash([]byte(out.Entries[i]))))
		}
		out.Olds = append(out.Olds, old)
	}
	for old := int64(1); old <= tree.N; old++ {
		root := must(tlog.TreeHash(old, read))
		must(0, tlog.CheckTree(must(tlog.ProveTree(tree.N, old, read)), tree.N, tree.Hash, old, root))
		out.Earlier++
	}
}

func askToCosign(in asked, out *answer) {
	if in.Skey == "" {
		return
	}
	signer := must(note.NewSigner(in.Skey))
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(wanted []int64) (found []tlog.Hash, err error) {
		for _, one := range wanted {
			found = append(found, stored[one])
		}
		return found, nil
	})
	old := int64(0)
	for size := int64(1); size <= 40; size++ {
		stored = append(stored, must(tlog.StoredHashes(size-1, []byte(fmt.Sprintf("entry %d", size)), read))...)
		if size != 1 && size != 7 && size != 8 && size != 40 {
			continue
		}
		root := must(tlog.TreeHash(size, read))
		text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, root)
		checkpoint := must(note.Sign(&note.Note{Text: text}, signer))
		body := fmt.Sprintf("old %d\n", old)
		if old > 0 {
			for _, one := range must(tlog.ProveTree(size, old, read)) {
				body += one.String() + "\n"
			}
		}
		reply := must(client.Post(in.Third+"/add-checkpoint", "text/plain", bytes.NewReader(append([]byte(body+"\n"), checkpoint...))))
		said := must(io.ReadAll(reply.Body))
		reply.Body.Close()
		if reply.StatusCode != 200 {
			must(0, fmt.Errorf("%s: %s", reply.Status, said))
		}
		opened := must(note.Open(append(checkpoint, said...), note.VerifierList(verifier{in.Witness})))
		out.Cosigned = append(out.Cosigned, parse(opened.Text).N)
		old = size
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "key" {
		skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
		must(0, err)
		must(0, json.NewEncoder(os.Stdout).Encode(map[string]string{"Skey": skey, "Vkey": vkey}))
		return
	}
	var in asked
	must(0, json.NewDecoder(os.Stdin).Decode(&in))
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(in.Authority)) {
		must(0, fmt.Errorf("no authority"))
	}
	client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	var out answer
	readLog(in, &out)
	askToCosign(in, &out)
	must(0, json.NewEncoder(os.Stdout).Encode(out))
}
