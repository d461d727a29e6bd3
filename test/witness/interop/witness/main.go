// A witness of c2sp.org/tlog-witness that shares no code with ours, for test/witness/go-witness.test.ts: Go's own signed notes and
// proofs (golang.org/x/mod/sumdb). It cosigns one log, whose vkey is its argument, and says on its first line who it is and where.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const name = "go-witness.example"

// cosigner makes cosignature/v1 (c2sp.org/tlog-cosignature); sumdb/note makes the note's line of it.
type cosigner struct{ key ed25519.PrivateKey }

func (c cosigner) public() []byte { return append([]byte{4}, c.key.Public().(ed25519.PublicKey)...) }
func (c cosigner) Name() string   { return name }
func (c cosigner) KeyHash() uint32 {
	digest := sha256.Sum256(append([]byte(name+"\n"), c.public()...))
	return binary.BigEndian.Uint32(digest[:])
}
func (c cosigner) Sign(msg []byte) ([]byte, error) {
	now := uint64(time.Now().Unix())
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", now, msg)
	return append(binary.BigEndian.AppendUint64(nil, now), ed25519.Sign(c.key, []byte(signed))...), nil
}

type witness struct {
	mutex sync.Mutex
	log   note.Verifier
	by    cosigner
	tree  tlog.Tree
}

var errMalformed = errors.New("malformed")

// parse reads "old N", the proof, an empty line and the checkpoint.
func parse(body []byte) (old int64, proof tlog.TreeProof, checkpoint []byte, err error) {
	head, checkpoint, found := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || !strings.HasPrefix(lines[0], "old ") || len(lines) > 64 {
		return 0, nil, nil, errMalformed
	}
	if old, err = strconv.ParseInt(lines[0][len("old "):], 10, 64); err != nil || fmt.Sprint("old ", old) != lines[0] {
		return 0, nil, nil, errMalformed
	}
	for _, line := range lines[1:] {
		bytes, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(bytes) != tlog.HashSize {
			return 0, nil, nil, errMalformed
		}
		proof = append(proof, *(*tlog.Hash)(bytes))
	}
	return old, proof, checkpoint, nil
}

func treeIn(text, origin string) (tree tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != origin {
		return tree, errMalformed
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func (w *witness) addCheckpoint(body []byte) (status int, answer string) {
	old, proof, checkpoint, err := parse(body)
	if err != nil {
		return 400, "malformed"
	}
	opened, err := note.Open(checkpoint, note.VerifierList(w.log))
	if err != nil {
		return 403, "the log did not sign this"
	}
	tree, err := treeIn(opened.Text, w.log.Name())
	if err != nil || old > tree.N {
		return 400, "malformed"
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if old != w.tree.N {
		return 409, fmt.Sprintf("%d\n", w.tree.N)
	}
	if old == tree.N && w.tree.N > 0 && tree.Hash != w.tree.Hash {
		return 409, fmt.Sprintf("%d\n", w.tree.N)
	}
	if old == 0 && len(proof) > 0 || old > 0 && old < tree.N && tlog.CheckTree(proof, tree.N, tree.Hash, old, w.tree.Hash) != nil {
		return 422, "the tree does not hold the one before"
	}
	w.tree = tree
	signed, err := note.Sign(&note.Note{Text: opened.Text}, w.by)
	if err != nil {
		return 500, err.Error()
	}
	return 200, string(signed[len(opened.Text)+1:])
}

func main() {
	log, err := note.NewVerifier(os.Args[1])
	if err != nil {
		panic(err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	w := &witness{log: log, by: cosigner{key}}
	http.HandleFunc("/add-checkpoint", func(reply http.ResponseWriter, asked *http.Request) {
		body, err := io.ReadAll(io.LimitReader(asked.Body, 1<<17))
		if err != nil || asked.Method != http.MethodPost {
			reply.WriteHeader(400)
			return
		}
		status, answer := w.addCheckpoint(body)
		if status == 409 {
			reply.Header().Set("Content-Type", "text/x.tlog.size")
		}
		reply.WriteHeader(status)
		io.WriteString(reply, answer)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	vkey := fmt.Sprintf("%s+%08x+%s", name, w.by.KeyHash(), base64.StdEncoding.EncodeToString(w.by.public()))
	json.NewEncoder(os.Stdout).Encode(map[string]string{"Vkey": vkey, "Url": "http://" + listener.Addr().String()})
	panic(http.Serve(listener, nil))
}
