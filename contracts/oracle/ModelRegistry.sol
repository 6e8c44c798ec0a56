// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ActiveVersions} from "./ActiveVersions.sol";

/// @title Who published which model, in which versions
/// @notice A model has an owner and versions; a version is a manifest digest, the hash over everything that decides
///         what a model answers. A digest belongs to one version of one model for ever, so a report that names a
///         digest names a version.
contract ModelRegistry {
    using ActiveVersions for ActiveVersions.Set;

    uint256 internal constant MAX_NAME_LENGTH = 64;
    uint256 internal constant MAX_URI_LENGTH = 512;

    struct Model {
        address owner;
        uint32 versionCount;
        uint32 newestActive;
        address pendingOwner;
        string name;
    }

    struct Version {
        bytes32 manifestDigest;
        uint64 registeredAt;
        bool active;
        string uri;
    }

    /// @dev One slot.
    struct Location {
        uint224 modelId;
        uint32 version;
    }

    uint256 private count;
    mapping(uint256 modelId => Model) private models;
    mapping(uint256 modelId => mapping(uint32 version => Version)) private versions;
    mapping(bytes32 manifestDigest => Location) private locations;
    mapping(uint256 modelId => ActiveVersions.Set) private activeVersions;

    /// @notice A model came into being. Its first version follows as `ModelVersionAdded`.
    event ModelRegistered(uint256 indexed modelId, address indexed owner, string name);

    /// @notice A version was added; it is active.
    event ModelVersionAdded(
        uint256 indexed modelId, uint32 indexed version, bytes32 indexed manifestDigest, string uri
    );

    /// @notice A version was switched on or off.
    event ModelVersionActiveSet(uint256 indexed modelId, uint32 indexed version, bool active);

    /// @notice The owner offered the model to `newOwner`; the zero address withdraws the offer.
    event ModelOwnershipTransferStarted(
        uint256 indexed modelId, address indexed previousOwner, address indexed newOwner
    );

    /// @notice `newOwner` accepted the model.
    event ModelOwnershipTransferred(uint256 indexed modelId, address indexed previousOwner, address indexed newOwner);

    error ModelRegistry__UnknownModel(uint256 modelId);
    error ModelRegistry__UnknownVersion(uint256 modelId, uint32 version);
    error ModelRegistry__NoActiveVersion(uint256 modelId);
    error ModelRegistry__InactiveVersion(uint256 modelId, uint32 version);
    error ModelRegistry__NotOwner(uint256 modelId, address caller);
    error ModelRegistry__NotPendingOwner(uint256 modelId, address caller);
    error ModelRegistry__ZeroDigest();
    error ModelRegistry__DigestTaken(bytes32 manifestDigest, uint256 modelId, uint32 version);
    error ModelRegistry__NameLength(uint256 got, uint256 min, uint256 max);
    error ModelRegistry__UriLength(uint256 got, uint256 min, uint256 max);

    modifier onlyModelOwner(uint256 modelId) {
        _checkExists(modelId);
        if (models[modelId].owner != msg.sender) revert ModelRegistry__NotOwner(modelId, msg.sender);
        _;
    }

    /// @notice Publishes a model with its first version. The caller becomes the owner.
    /// @param name 1 to 64 bytes; names need not be unique
    /// @param manifestDigest of the first version; not zero, not registered before
    /// @param uri where the manifest is found, 1 to 512 bytes
    /// @return modelId ids count from 1
    function register(string calldata name, bytes32 manifestDigest, string calldata uri)
        external
        returns (uint256 modelId)
    {
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME_LENGTH) {
            revert ModelRegistry__NameLength(length, 1, MAX_NAME_LENGTH);
        }
        modelId = ++count;
        Model storage model = models[modelId];
        model.owner = msg.sender;
        model.name = name;
        emit ModelRegistered(modelId, msg.sender, name);
        _addVersion(modelId, manifestDigest, uri);
    }

    /// @notice Adds a version, active at once. Only the model's owner.
    /// @return version versions count from 1 in each model
    function addVersion(uint256 modelId, bytes32 manifestDigest, string calldata uri)
        external
        onlyModelOwner(modelId)
        returns (uint32 version)
    {
        return _addVersion(modelId, manifestDigest, uri);
    }

    /// @notice Switches a version on or off. Only the model's owner.
    function setVersionActive(uint256 modelId, uint32 version, bool active) external onlyModelOwner(modelId) {
        _checkVersion(modelId, version);
        versions[modelId][version].active = active;
        ActiveVersions.Set storage set = activeVersions[modelId];
        if (active) set.add(version);
        else set.remove(version);
        models[modelId].newestActive = set.greatest();
        emit ModelVersionActiveSet(modelId, version, active);
    }

    /// @notice Offers the model to `newOwner`, who has to accept. The zero address withdraws an offer.
    function transferModelOwnership(uint256 modelId, address newOwner) external onlyModelOwner(modelId) {
        models[modelId].pendingOwner = newOwner;
        emit ModelOwnershipTransferStarted(modelId, msg.sender, newOwner);
    }

    /// @notice Takes over a model that was offered to the caller.
    function acceptModelOwnership(uint256 modelId) external {
        _checkExists(modelId);
        Model storage model = models[modelId];
        if (model.pendingOwner != msg.sender) revert ModelRegistry__NotPendingOwner(modelId, msg.sender);
        address previous = model.owner;
        model.owner = msg.sender;
        model.pendingOwner = address(0);
        emit ModelOwnershipTransferred(modelId, previous, msg.sender);
    }

    /// @notice Number of models; ids run from 1 to this.
    function modelCount() external view returns (uint256) {
        return count;
    }

    /// @notice Facts of a model.
    function getModel(uint256 modelId)
        external
        view
        returns (address owner, address pendingOwner, string memory name, uint32 versionCount)
    {
        _checkExists(modelId);
        Model storage model = models[modelId];
        return (model.owner, model.pendingOwner, model.name, model.versionCount);
    }

    /// @notice Facts of a version.
    /// @return manifestDigest hash of the manifest
    /// @return uri where the manifest is found
    /// @return active whether the owner stands by it
    /// @return registeredAt block time of registration in seconds
    function getVersion(uint256 modelId, uint32 version)
        external
        view
        returns (bytes32 manifestDigest, string memory uri, bool active, uint64 registeredAt)
    {
        _checkVersion(modelId, version);
        Version storage entry = versions[modelId][version];
        return (entry.manifestDigest, entry.uri, entry.active, entry.registeredAt);
    }

    /// @notice The version that an asker means, and its digest.
    /// @param version 0 for the newest active one; any other has to be active
    function resolve(uint256 modelId, uint32 version)
        external
        view
        returns (uint32 resolved, bytes32 manifestDigest)
    {
        resolved = version;
        if (version == 0) {
            _checkExists(modelId);
            resolved = models[modelId].newestActive;
            if (resolved == 0) revert ModelRegistry__NoActiveVersion(modelId);
        } else {
            _checkVersion(modelId, version);
            if (!versions[modelId][version].active) revert ModelRegistry__InactiveVersion(modelId, version);
        }
        manifestDigest = versions[modelId][resolved].manifestDigest;
    }

    /// @notice Whether the digest is registered and its version switched on. Never reverts.
    function isActive(bytes32 manifestDigest) external view returns (bool) {
        Location memory place = locations[manifestDigest];
        return versions[place.modelId][place.version].active;
    }

    /// @notice Which version has this digest; zeros for a digest nobody registered.
    function find(bytes32 manifestDigest) external view returns (uint256 modelId, uint32 version) {
        Location memory place = locations[manifestDigest];
        return (place.modelId, place.version);
    }

    function _addVersion(uint256 modelId, bytes32 manifestDigest, string calldata uri)
        private
        returns (uint32 version)
    {
        uint256 length = bytes(uri).length;
        if (length == 0 || length > MAX_URI_LENGTH) revert ModelRegistry__UriLength(length, 1, MAX_URI_LENGTH);
        if (manifestDigest == 0) revert ModelRegistry__ZeroDigest();
        Location memory taken = locations[manifestDigest];
        if (taken.version != 0) revert ModelRegistry__DigestTaken(manifestDigest, taken.modelId, taken.version);

        version = ++models[modelId].versionCount;
        models[modelId].newestActive = version;
        activeVersions[modelId].add(version);
        // Cast: the counter can't reach 2^224.
        locations[manifestDigest] = Location(uint224(modelId), version);
        versions[modelId][version] = Version(manifestDigest, uint64(block.timestamp), true, uri);
        emit ModelVersionAdded(modelId, version, manifestDigest, uri);
    }

    function _checkExists(uint256 modelId) private view {
        if (modelId == 0 || modelId > count) revert ModelRegistry__UnknownModel(modelId);
    }

    function _checkVersion(uint256 modelId, uint32 version) private view {
        _checkExists(modelId);
        if (version == 0 || version > models[modelId].versionCount) {
            revert ModelRegistry__UnknownVersion(modelId, version);
        }
    }
}
