// The other side of test/log/interop.test.ts: Go's own signed notes and transparency logs (golang.org/x/mod/sumdb, of Debian's
// golang-golang-x-mod-dev) judge what our code made, and make what our code judges. One JSON document in, one out.
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles of C2SP are of this height, and their paths do not name it.
const height = 8

type record struct {
	Index, Size int64
	Root        []byte
	Proof       [][]byte
}

type tree struct {
	Old, Size     int64
	OldRoot, Root []byte
	Proof         [][]byte
}

type asked struct {
	Vkeys    []string
	Cosigner struct {
		Name  string
		KeyId uint32
		Key   []byte
	}
	Note       string
	Candidates []string
	Leaves     [][]byte
	Root       []byte
	Records    []record
	Trees      []tree
	Tiles      map[string][]byte
	// What Go shall sign.
	Text string
}

type answer struct {
	Text    string
	Signers []string
	Opens   []bool
	// By hashing the leaves, and by reading our tiles.
	Root, TileRoot []byte
	RecordsHold    []bool
	TreesHold      []bool
	// Go's tiles of the same tree.
	Tiles   map[string][]byte
	Vkey    string
	Note    string
	Records []record
	Trees   []tree
}

// cosigner verifies cosignature/v1 (c2sp.org/tlog-cosignature), which sumdb/note does not know.
type cosigner struct {
	name  string
	keyId uint32
	key   ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.keyId }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

type tiles map[string][]byte

func (tiles) Height() int                     { return height }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, one := range wanted {
		data, ok := t[path(one)]
		if !ok {
			return nil, fmt.Errorf("no tile %s", path(one))
		}
		out = append(out, data)
	}
	return out, nil
}

func path(t tlog.Tile) string {
	return strings.Replace(t.Path(), "tile/8/", "tile/", 1)
}

func hash(b []byte) (h tlog.Hash) {
	if copy(h[:], b) != len(h) {
		panic("a hash has 32 bytes")
	}
	return h
}

func hashes(list [][]byte) (out []tlog.Hash) {
	for _, one := range list {
		out = append(out, hash(one))
	}
	return out
}

func spell(list []tlog.Hash) [][]byte {
	out := [][]byte{}
	for _, one := range list {
		out = append(out, append([]byte{}, one[:]...))
	}
	return out
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	var in asked
	must(0, json.NewDecoder(os.Stdin).Decode(&in))
	out := answer{Tiles: map[string][]byte{}}

	verifiers := []note.Verifier{cosigner{in.Cosigner.Name, in.Cosigner.KeyId, in.Cosigner.Key}}
	for _, vkey := range in.Vkeys {
		verifiers = append(verifiers, must(note.NewVerifier(vkey)))
	}
	known := note.VerifierList(verifiers...)
	opened := must(note.Open([]byte(in.Note), known))
	out.Text = opened.Text
	for _, one := range opened.Sigs {
		out.Signers = append(out.Signers, one.Name)
	}
	for _, candidate := range in.Candidates {
		_, err := note.Open([]byte(candidate), known)
		out.Opens = append(out.Opens, err == nil)
	}

	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(wanted []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, one := range wanted {
			found = append(found, stored[one])
		}
		return found, nil
	})
	for i, leaf := range in.Leaves {
		stored = append(stored, must(tlog.StoredHashes(int64(i), leaf, read))...)
	}
	size := int64(len(in.Leaves))
	root := must(tlog.TreeHash(size, read))
	out.Root = root[:]
	throughTiles := tlog.TileHashReader(tlog.Tree{N: size, Hash: hash(in.Root)}, tiles(in.Tiles))
	tileRoot := must(tlog.TreeHash(size, throughTiles))
	out.TileRoot = tileRoot[:]
	for _, one := range tlog.NewTiles(height, 0, size) {
		data := must(tlog.ReadTileData(one, read))
		out.Tiles[path(one)] = data
	}

	for _, one := range in.Records {
		err := tlog.CheckRecord(hashes(one.Proof), one.Size, hash(one.Root), one.Index, tlog.RecordHash(in.Leaves[one.Index]))
		out.RecordsHold = append(out.RecordsHold, err == nil)
		out.Records = append(out.Records, record{one.Index, one.Size, one.Root, spell(must(tlog.ProveRecord(one.Size, one.Index, read)))})
	}
	for _, one := range in.Trees {
		err := tlog.CheckTree(hashes(one.Proof), one.Size, hash(one.Root), one.Old, hash(one.OldRoot))
		out.TreesHold = append(out.TreesHold, err == nil)
		out.Trees = append(out.Trees, tree{one.Old, one.Size, one.OldRoot, one.Root, spell(must(tlog.ProveTree(one.Size, one.Old, read)))})
	}

	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
	must(0, err)
	out.Vkey = vkey
	out.Note = string(must(note.Sign(&note.Note{Text: in.Text}, must(note.NewSigner(skey)))))
	must(0, json.NewEncoder(os.Stdout).Encode(out))
}
