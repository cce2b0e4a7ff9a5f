package pst

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

var _ extract.Checker = (*Archive)(nil)

// Check implements [extract.Checker]: first all blocks in the order of the file, then all nodes.
func (a *Archive) Check(ctx context.Context, progress func(done, total int64)) (*extract.Check, error) {
	f, ok := a.store.(*file)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	// What reading the blocks warns of is told by the report itself.
	warnings, _ := f.File.Warnings()
	blocks, err := f.CheckBlocks(ctx, progress)
	if err != nil {
		return nil, err
	}
	nodes, err := f.checkNodes(ctx)
	if err != nil {
		return nil, err
	}
	c := &fileCheck{a: a, f: f, place: make(map[*formats.Folder]int), faulty: make(map[pst.BlockID]*pst.BlockFault), byNode: nodes}
	for i, folder := range a.tree.visible(true) {
		c.place[folder.Folder] = i + 1
	}
	c.nodes(blocks)
	c.pages(warnings)
	c.result.Blocks, c.result.Bytes, c.result.More = blocks.Blocks, blocks.Bytes, blocks.More
	if blocks.Loose > 0 {
		c.remark("nothing refers to %d of the blocks (%d bytes): what did was deleted, or is lost", blocks.Loose, blocks.LooseBytes)
	}
	c.warnings()
	return &c.result, nil
}

// checkNodes takes all nodes apart, on all processors.
func (f *file) checkNodes(ctx context.Context) (map[pst.NID][]pst.NodeFault, error) {
	var all []pst.NID
	f.AllNodes(func(id, _ pst.NID) bool {
		all = append(all, id)
		return true
	})
	const share = 64
	var (
		mu      sync.Mutex
		found   = make(map[pst.NID][]pst.NodeFault)
		workers sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				n := min(share, len(all))
				mine := all[:n]
				all = all[n:]
				mu.Unlock()
				if n == 0 {
					return
				}
				for _, id := range mine {
					if faults := checkNode(f, id); len(faults) > 0 {
						mu.Lock()
						found[id] = faults
						mu.Unlock()
					}
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return found, nil
}

// checkNode checks a node. A panic at one is a fault of mailmill's, and ends this check alone.
func checkNode(f *file, id pst.NID) (faults []pst.NodeFault) {
	defer func() {
		if v := recover(); v != nil {
			faults = []pst.NodeFault{{Part: "node", Err: fmt.Errorf("internal error: %v", v)}}
		}
	}()
	return f.CheckNode(id)
}

// fileCheck puts what a check found into the words of folders and items.
type fileCheck struct {
	a      *Archive
	f      *file
	place  map[*formats.Folder]int // of folders in the order of the tree, from 1
	faulty map[pst.BlockID]*pst.BlockFault
	byNode map[pst.NID][]pst.NodeFault
	result extract.Check
}

func (c *fileCheck) remark(format string, args ...any) {
	c.result.Remarks = append(c.result.Remarks, fmt.Sprintf(format, args...))
}

// nodes lists the faults of nodes and blocks.
func (c *fileCheck) nodes(blocks *pst.BlockReport) {
	hit := make(map[pst.NID][]*pst.BlockFault)
	var loose []*pst.BlockFault
	for i := range blocks.Faults {
		b := &blocks.Faults[i]
		c.faulty[b.BID] = b
		for _, id := range b.Nodes {
			hit[id] = append(hit[id], b)
		}
		if len(b.Nodes) == 0 {
			loose = append(loose, b)
		}
	}
	ids := make([]pst.NID, 0, len(c.byNode)+len(hit))
	for id := range c.byNode {
		ids = append(ids, id)
	}
	for id := range hit {
		if c.byNode[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	c.f.AllNodes(func(id, parent pst.NID) bool {
		if len(ids) > 0 && ids[0] == id {
			ids = ids[1:]
			c.result.Faults = append(c.result.Faults, c.node(id, parent, c.byNode[id], hit[id])...)
		}
		return len(ids) > 0
	})
	slices.SortStableFunc(c.result.Faults, func(a, b extract.Fault) int { return cmp.Compare(c.order(a), c.order(b)) })
	c.shared()
	for _, b := range loose {
		c.result.Faults = append(c.result.Faults, extract.Fault{
			Part: "a block that nothing refers to", Block: b.BID.String(), Offset: b.Offset, Blocks: 1, Err: b.Err,
			Harmless: len(c.f.Lost()) == 0,
		})
	}
}

// shared makes one fault of those of many tables in the same block: all empty ones may have the same.
func (c *fileCheck) shared() {
	type table struct{ part, block string }
	count := make(map[table]int)
	for _, f := range c.result.Faults {
		if f.Entry == nil && f.Block != "" {
			count[table{f.Part, f.Block}]++
		}
	}
	told := make(map[table]bool)
	c.result.Faults = slices.DeleteFunc(c.result.Faults, func(f extract.Fault) bool {
		of := table{f.Part, f.Block}
		if f.Entry != nil || count[of] < 3 {
			return false
		}
		again := told[of]
		told[of] = true
		return again
	})
	for i := range c.result.Faults {
		f := &c.result.Faults[i]
		if of := (table{f.Part, f.Block}); told[of] && f.Entry == nil {
			f.Part, f.ID, f.Folder = fmt.Sprintf("%s of %d folders", f.Part, count[of]), "", nil
		}
	}
}

// order puts what belongs to no folder last.
func (c *fileCheck) order(f extract.Fault) int {
	if n := c.place[f.Folder]; n > 0 {
		return n
	}
	if f.Folder != nil {
		return len(c.place) + 1 // recovered items
	}
	return len(c.place) + 2
}

// node lists the faults of a node, one for each of its parts.
func (c *fileCheck) node(id, parent pst.NID, faults []pst.NodeFault, blocks []*pst.BlockFault) []extract.Fault {
	whose := c.whose(id, parent)
	var list []extract.Fault
	byPart := make(map[string]int)
	add := func(part string, err error) *extract.Fault {
		part = partIn(whose.Part, part)
		i, ok := byPart[part]
		if !ok {
			i = len(list)
			byPart[part] = i
			fault := whose
			fault.Part, fault.Err, fault.Offset = part, err, -1
			list = append(list, fault)
		}
		return &list[i]
	}
	name := func(fault *extract.Fault, b *pst.BlockFault) {
		if fault.Blocks++; fault.Blocks == 1 {
			fault.Block, fault.Offset, fault.Err = b.BID.String(), b.Offset, b.Err
			fault.Harmless = !b.Lost && !errors.Is(b.Err, pst.ErrChecksum)
		}
	}
	told := make(map[pst.BlockID]bool)
	for _, fault := range faults {
		block, ok := pst.BlockOf(fault.Err)
		b := c.faulty[block&^1]
		if ok && b != nil && told[b.BID] {
			continue // its other parts suffer from the same block
		}
		entry := add(fault.Part, fault.Err)
		if ok && b != nil {
			told[b.BID] = true
			name(entry, b)
		}
	}
	for n, b := range blocks {
		if told[b.BID] {
			continue
		}
		part := ""
		if n < mostNamed {
			part = c.f.PartOf(id, b.BID)
		}
		name(add(part, b.Err), b)
	}
	return list
}

// mostNamed is for how many blocks of a node it is found out what they hold.
const mostNamed = 32

func partIn(whole, part string) string {
	switch {
	case whole == "":
		return part
	case part == "" || part == "table" || part == "rows" || part == "properties":
		return whole
	}
	return whole + ": " + part
}

// whose describes a node: the folder or the item that it is or belongs to.
func (c *fileCheck) whose(id, parent pst.NID) extract.Fault {
	fault := extract.Fault{ID: idString(id)}
	folder := func(id pst.NID) {
		if f := c.a.tree.byID[id]; f != nil {
			fault.Folder = f.Folder
		}
	}
	table := pst.TableOf(id)
	switch kind := pst.KindOf(id); {
	case kind == pst.KindMessage || kind == pst.KindAssociated:
		e := &formats.Entry{ID: fault.ID, Index: pack(id, mapi.Value{}), Hidden: kind == pst.KindAssociated}
		if folder(parent); fault.Folder == nil {
			fault.Folder = c.a.recovered
		}
		e.Folder = fault.Folder
		c.a.peek(e, id)
		e.Err = nil
		fault.Entry = e
	case kind == pst.KindFolder:
		folder(id)
		fault.Part = "the folder's properties"
	case kind == pst.KindSearchFolder:
		fault.Part = "search folder"
	case id == pst.NIDStore:
		fault.Part = "message store"
	case id == pst.NIDNames:
		fault.Part = "names of properties"
	case table != "":
		if folder(pst.FolderOf(id)); fault.Folder == nil {
			table += " of a search folder or template"
		}
		fault.Part = table
	default:
		fault.Part = "internal node"
	}
	return fault
}

// pages lists what the file's header and trees have lost, or have with wrong checksums.
func (c *fileCheck) pages(warnings []pst.Warning) {
	lost := make(map[int64]bool) // by offset
	for _, l := range c.f.Lost() {
		lost[l.Offset] = true
		c.result.Faults = append(c.result.Faults, extract.Fault{Part: pageOf(l.Nodes), Offset: l.Offset, Err: lostError{l}})
	}
	fault := func(part string, w pst.Warning, harmless bool) {
		c.result.Faults = append(c.result.Faults, extract.Fault{Part: part, Offset: w.Offset, Err: errors.New(w.Text), Harmless: harmless})
	}
	for _, w := range warnings {
		switch w.Kind {
		case pst.WarnBlock, pst.WarnLost: // listed as what they are
		case pst.WarnPage:
			if !lost[w.Offset] {
				fault(pageOf(w.Nodes), w, false)
			}
		case pst.WarnTree:
			fault(w.Subject(), w, false)
		case pst.WarnHeader:
			fault("header", w, true)
		default:
			c.remark("%s", w.Text)
		}
	}
}

func pageOf(nodes bool) string {
	return pst.Warning{Kind: pst.WarnPage, Nodes: nodes}.Subject()
}

// warnings keeps those of the archive's warnings that no fault repeats.
func (c *fileCheck) warnings() {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	for _, w := range c.a.warnings {
		if !c.repeats(w) {
			c.result.Warnings = append(c.result.Warnings, w.text)
		}
	}
}

// repeats reports whether a fault tells what a warning does.
func (c *fileCheck) repeats(w warning) bool {
	if w.err == nil {
		return false
	}
	if block, ok := pst.BlockOf(w.err); ok {
		return c.faulty[block&^1] != nil
	}
	return slices.ContainsFunc(c.byNode[w.node], func(f pst.NodeFault) bool { return sameReason(f.Err, w.err) })
}

func sameReason(a, b error) bool {
	for _, reason := range [...]error{pst.ErrNotFound, pst.ErrOutside, pst.ErrChecksum, pst.ErrCorrupt} {
		if errors.Is(a, reason) && errors.Is(b, reason) {
			return true
		}
	}
	return false
}

// lostError says why a page cannot be read and what is lost with it.
type lostError struct{ pst.Lost }

func (e lostError) Error() string {
	what := "blocks"
	if e.Nodes {
		what = "nodes"
	}
	to := fmt.Sprintf("to 0x%x", e.To-1)
	if e.To == ^uint64(0) {
		to = "on"
	}
	return fmt.Sprintf("%v; the %s from 0x%x %s are lost, as far as there were any", e.Err, what, e.From, to)
}

func (e lostError) Unwrap() error { return e.Err }
