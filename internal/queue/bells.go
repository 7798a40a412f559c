package queue

import "sync"

// bells are the broadcasts' subscribers in this process.
type bells struct {
	mu     sync.Mutex
	topics map[string]map[chan struct{}]bool
}

func newBells() *bells { return &bells{topics: map[string]map[chan struct{}]bool{}} }

func (b *bells) subscribe(topic string) (<-chan struct{}, func()) {
	bell := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.topics[topic] == nil {
		b.topics[topic] = map[chan struct{}]bool{}
	}
	b.topics[topic][bell] = true
	return bell, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.topics[topic], bell)
		if len(b.topics[topic]) == 0 {
			delete(b.topics, topic)
		}
	}
}

func (b *bells) ring(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for bell := range b.topics[topic] {
		signal(bell)
	}
}

// ringAll is for when a broadcast of any topic may have been missed.
func (b *bells) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bells := range b.topics {
		for bell := range bells {
			signal(bell)
		}
	}
}
