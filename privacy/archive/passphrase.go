package archive

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"math/big"
	"strings"
)

//go:embed words.txt
var wordList string

// PassphraseWords is how many words a passphrase has: six of more than 2,048
// are at least 66 bits, out of reach behind the 1,000 rounds of WinZip's AES.
const PassphraseWords = 6

// Passphrase makes the words that open an archive, with hyphens between them:
// to be typed by a person, all in lower-case ASCII, so that every zip program
// takes them for the same bytes.
func Passphrase() (string, error) {
	list := strings.Fields(wordList)
	words := make([]string, PassphraseWords)
	for i := range words {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(list))))
		if err != nil {
			return "", fmt.Errorf("make a passphrase: %w", err)
		}
		words[i] = list[n.Int64()]
	}
	return strings.Join(words, "-"), nil
}
